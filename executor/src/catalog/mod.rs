//! The catalog of a release, by reflection in a request like those its calls will run in.

mod attributes;
mod cache;
mod export;
mod reflected;

use anyhow::{Context, Result, bail};
use embed::{Outcome, Request};
use protocol::{Boot, Catalog, Class, FUNCTION_NAME_BYTES_MAX, Function, JobOptions};
use reflected::{Reflected, ReflectedFunction};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The catalog, and what whoever deploys should know about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) catalog: Catalog,
    pub(crate) warnings: Vec<String>,
}

/// Lists the exported functions. The request has every entry file loaded.
pub(crate) fn build(boot: &Boot, request: &Request<'_>) -> Result<Listing> {
    let reflected = reflect(boot, request)?;
    let export = export::Export::new(&boot.export);
    let mut warnings = export.warnings(reflected.functions.iter().map(|f| f.name.as_str()));
    let mut functions = Vec::new();
    for function in reflected.functions {
        let place = || format!("{}:{}: {}", function.file, function.line, function.name);
        let declared = attributes::read(&function, boot).with_context(place)?;
        let job = attributes::job(&function).with_context(place)?;
        let cacheable = attributes::cacheable(&function).with_context(place)?;
        // To extend AppServer\Job says that it is there to be queued.
        let included = || function.job_class || export.includes(&function.name);
        if !declared.export.unwrap_or_else(included) {
            continue;
        }
        match unnameable(&function) {
            None => {
                let place = place();
                let mut function = entry(function, declared, job);
                function.cache = cache::policy(&function, cacheable, boot).context(place)?;
                functions.push(function);
            }
            Some(reason) => {
                let ReflectedFunction { file, line, .. } = function;
                warnings.push(format!("{file}: a function is left out, {reason} (line {line})"));
            }
        }
    }
    cache::check_names(boot, &functions)?;
    functions.sort_by_key(|function| function.name.to_ascii_lowercase());
    let classes = exporting(reflected.classes, &functions);
    let catalog = Catalog { app: boot.app.clone(), release: boot.release, functions, classes };
    Ok(Listing { catalog, warnings })
}

/// Why no caller could name the function.
fn unnameable(function: &ReflectedFunction) -> Option<String> {
    if !function.is_utf8 {
        return Some("its name is not UTF-8".to_owned());
    }
    let too_long = function.name.len() > FUNCTION_NAME_BYTES_MAX;
    too_long.then(|| format!("its name has more than {FUNCTION_NAME_BYTES_MAX} bytes"))
}

fn entry(function: ReflectedFunction, declared: attributes::Declared, job: JobOptions) -> Function {
    Function {
        name: function.name,
        pool: declared.pool,
        params: function.params,
        returns: function.returns,
        timeout_ms: declared.timeout_ms,
        affinity: declared.affinity,
        idempotent: declared.idempotent,
        isolation: declared.isolation,
        attributes: function.attributes,
        doc: function.doc,
        file: function.file,
        line: function.line,
        returns_by_ref: function.returns_by_ref,
        generator: function.generator,
        classes: function.classes,
        imports: function.imports,
        job,
        job_class: function.job_class,
        schedules: function.schedules,
        properties: function.properties,
        cache: None,
    }
}

/// Those that have a method among `functions`, but for jobs.
fn exporting(classes: Vec<Class>, functions: &[Function]) -> Vec<Class> {
    let callable = functions.iter().filter(|function| !function.job_class);
    let names: HashSet<&str> =
        callable.filter_map(|function| Some(function.name.split_once("::")?.0)).collect();
    let mut classes: Vec<Class> =
        classes.into_iter().filter(|class| names.contains(class.name.as_str())).collect();
    classes.sort_by_key(|class| class.name.to_ascii_lowercase());
    classes
}

/// Runs the reflection script. Its arguments are written into it as JSON inside a nowdoc, which
/// needs no escaping beyond that.
fn reflect(boot: &Boot, request: &Request<'_>) -> Result<Reflected> {
    const SCRIPT: &str = include_str!("reflect.php");
    const IMPORTS: &str = include_str!("imports.php");
    const JOBS: &str = include_str!("jobs.php");
    const CACHE: &str = include_str!("cache.php");
    let imports = IMPORTS.strip_prefix("<?php\n").context("imports.php has no opening tag")?;
    let jobs = JOBS.strip_prefix("<?php\n").context("jobs.php has no opening tag")?;
    let cache = CACHE.strip_prefix("<?php\n").context("cache.php has no opening tag")?;
    let arguments = serde_json::json!({ "root": boot.root, "entry": boot.entry });
    let code = SCRIPT
        .strip_prefix("<?php\n")
        .context("reflect.php does not begin with its opening tag")?
        .replace("// {IMPORTS}", imports)
        .replace("// {JOBS}", jobs)
        .replace("// {CACHE}", cache)
        .replace("{ARGUMENTS}", &arguments.to_string());
    match request.eval(&code) {
        Outcome::Returned(json) => {
            let json = json.string().context("the reflection script returned no text")?;
            serde_json::from_str(&json).context("the reflection script returned no JSON")
        }
        Outcome::Threw(exception) => bail!("{}", reflected::describe(&exception)),
        Outcome::Exited(_) => bail!("exit() while the functions were listed"),
        Outcome::BailedOut(bailout) => bail!("{bailout}"),
    }
}
