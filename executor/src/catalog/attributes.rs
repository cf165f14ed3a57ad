//! The attributes that say how a function may be called.

use super::reflected::ReflectedFunction;
use anyhow::{Result, bail};
use protocol::Isolation;

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
}

/// Reads them; fails with what is wrong, without place and function.
pub(super) fn read(function: &ReflectedFunction, isolation: Isolation) -> Result<Declared> {
    let mut declared =
        Declared { export: None, timeout_ms: None, affinity: None, idempotent: false, isolation };
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
            "isolation" => declared.isolation = mode(argument("mode"))?,
            _ => {}
        }
    }
    Ok(declared)
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
