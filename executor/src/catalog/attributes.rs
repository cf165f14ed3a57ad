//! The attributes that say how a function may be called.

use super::reflected::{Cacheable, ReflectedFunction};
use anyhow::{Result, bail};
use protocol::{Boot, CacheOptions, DEFAULT_POOL, Isolation, JobOptions, PoolBoot, RESIDENT_POOL};

const NAMESPACE: &str = "appserver\\";

/// What the attributes of a function declare.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// `#[Remote]`, if there is one, decides against the patterns.
    pub(super) export: Option<bool>,
    pub(super) timeout_ms: Option<u32>,
    pub(super) affinity: Option<String>,
    pub(super) idempotent: bool,
    pub(super) isolation: Isolation,
    pub(super) pool: String,
}

/// Reads them; fails with what is wrong, without place and function.
pub(super) fn read(function: &ReflectedFunction, boot: &Boot) -> Result<Declared> {
    let (mut isolation, mut pool) = (None, None);
    let mut declared = Declared {
        export: None,
        timeout_ms: None,
        affinity: None,
        idempotent: false,
        isolation: boot.isolation,
        pool: String::new(),
    };
    for attribute in &function.attributes {
        let name = attribute.name.to_ascii_lowercase();
        let Some(name) = name.strip_prefix(NAMESPACE) else { continue };
        let argument = |parameter: &str| argument(&attribute.arguments, parameter);
        match name {
            "remote" => declared.export = Some(argument("export") != Some("false")),
            "timeout" => declared.timeout_ms = Some(timeout_ms(argument("seconds"))?),
            "affinity" => {
                declared.affinity = Some(affinity(argument("parameter"), function)?);
            }
            "idempotent" => declared.idempotent = true,
            "isolation" => isolation = Some(mode(argument("mode"))?),
            "pool" => pool = Some(named(argument("name"), &boot.pools)?),
            _ => {}
        }
    }
    declared.isolation = match (pool, isolation) {
        (Some(pool), Some(isolation)) if pool.isolation != isolation => bail!(
            "#[AppServer\\Pool('{}')] and #[AppServer\\Isolation] contradict each other: in app.toml, \
             [pools.{}] says isolation",
            pool.name,
            pool.name
        ),
        (Some(pool), _) => pool.isolation,
        (None, isolation) => isolation.unwrap_or(boot.isolation),
    };
    let usual = match declared.isolation {
        Isolation::Stateless => DEFAULT_POOL,
        Isolation::Resident => RESIDENT_POOL,
    };
    declared.pool = pool.map_or(usual, |pool| &pool.name).to_owned();
    Ok(declared)
}

/// The pool that the attribute names.
fn named<'a>(name: Option<&str>, pools: &'a [PoolBoot]) -> Result<&'a PoolBoot> {
    let Some(wanted) = name.and_then(unquote) else {
        bail!("#[AppServer\\Pool] takes the name of a pool");
    };
    if let Some(pool) = pools.iter().find(|pool| pool.name == wanted) {
        return Ok(pool);
    }
    let known: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let known = known.join(", ");
    bail!(
        "#[AppServer\\Pool('{wanted}')]: app.toml has no section [pools.{wanted}]; there are {known}"
    );
}

/// What `#[Queued]` says; fails with what is wrong with that or a schedule.
pub(super) fn job(function: &ReflectedFunction) -> Result<JobOptions> {
    if let Some(wrong) = &function.wrong {
        bail!("{wrong}");
    }
    let mut job = function.job.clone().unwrap_or_default();
    job.rate = function.rate.as_deref().map(str::parse).transpose()?;
    Ok(job)
}

/// What `#[Cacheable]` says, if it is there; fails with what is wrong with it, whatever the function is.
pub(super) fn cacheable(function: &ReflectedFunction) -> Result<Option<CacheOptions>> {
    if let Some(wrong) = &function.not_cacheable {
        bail!("{wrong}");
    }
    let Some(Cacheable { ttl, negative, tags, vary }) = &function.cacheable else {
        return Ok(None);
    };
    let negative = negative.map(|negative| CacheOptions::milliseconds("negative", negative));
    Ok(Some(CacheOptions {
        ttl_ms: Some(CacheOptions::milliseconds("ttl", *ttl)?),
        negative_ms: negative.transpose()?,
        tags: Some(tags.clone()),
        vary: vary.clone(),
    }))
}

/// PHP source of the argument for the attribute's only parameter, by position or by name.
fn argument<'a>(arguments: &'a [(Option<String>, String)], parameter: &str) -> Option<&'a str> {
    let (name, source) = arguments.first()?;
    name.as_deref().is_none_or(|name| name == parameter).then_some(source.as_str())
}

fn timeout_ms(seconds: Option<&str>) -> Result<u32> {
    let Some(seconds) = seconds.and_then(|source| source.parse::<f64>().ok()) else {
        bail!("#[AppServer\\Timeout] takes a number of seconds");
    };
    let milliseconds = (seconds * 1000.0).ceil();
    if !(milliseconds >= 1.0 && milliseconds <= f64::from(u32::MAX)) {
        bail!("#[AppServer\\Timeout({seconds})]: seconds must be above 0 and below 4,294,967");
    }
    // In range by the check above; a float has no checked conversion.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(milliseconds as u32)
}

fn affinity(parameter: Option<&str>, function: &ReflectedFunction) -> Result<String> {
    let Some(wanted) = parameter.and_then(unquote) else {
        bail!("#[AppServer\\Affinity] takes the name of a parameter");
    };
    let wanted = wanted.trim_start_matches('$');
    if function.params.iter().any(|param| param.name == wanted) {
        return Ok(wanted.to_owned());
    }
    let near = protocol::nearest(wanted, function.params.iter().map(|param| param.name.as_str()));
    let hint = near.first().map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
    bail!("#[AppServer\\Affinity('{wanted}')]: the function has no parameter ${wanted}{hint}");
}

fn mode(mode: Option<&str>) -> Result<Isolation> {
    match mode.and_then(unquote).as_deref() {
        Some("stateless") => Ok(Isolation::Stateless),
        Some("resident") => Ok(Isolation::Resident),
        _ => bail!("#[AppServer\\Isolation] takes 'stateless' or 'resident'"),
    }
}

/// The text of a PHP string as `var_export()` writes it.
fn unquote(source: &str) -> Option<String> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("\\'", "'").replace("\\\\", "\\"))
}
