//! Whether and how long callers keep results: `#[AppServer\Cacheable]`, with `[functions.NAME.cache]` of the
//! `app.toml` before it, option by option.

use anyhow::{Result, bail};
use protocol::{BadOption, Boot, CacheOptions, CachePolicy, Function, nearest};

const ATTRIBUTE: &str = "#[AppServer\\Cacheable]";

/// What holds for `function`; fails with what is wrong and who says it.
pub(super) fn policy(
    function: &Function,
    attribute: Option<CacheOptions>,
    boot: &Boot,
) -> Result<Option<CachePolicy>> {
    let named = boot.cache.iter().find(|(name, _)| name.eq_ignore_ascii_case(&function.name));
    let section = named.map(|(name, _)| section(name));
    let given = named.map(|(_, options)| options.clone()).unwrap_or_default();
    let source = match (&attribute, &section) {
        (None, None) => return Ok(None),
        (Some(_), _) => ATTRIBUTE,
        (None, Some(section)) => section,
    };
    if let Some(refusal) = CacheOptions::refusal(function) {
        bail!("{source}: {refusal}");
    }
    let all = given.clone().or(attribute.unwrap_or_default());
    all.policy(function).map(Some).or_else(|wrong: BadOption| {
        let source = section.as_deref().filter(|_| says(&given, wrong.option)).unwrap_or(source);
        bail!("{source}: {wrong}")
    })
}

/// Fails if the `app.toml` names a function that is none of `functions`.
pub(super) fn check_names(boot: &Boot, functions: &[Function]) -> Result<()> {
    for (name, _) in &boot.cache {
        if functions.iter().any(|function| function.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let known = functions.iter().map(|function| function.name.as_str());
        let near = nearest(name, known);
        let hint = near.first().map(|name| format!("; did you mean \"{name}\"?"));
        let section = section(name);
        bail!("{section}: no function \"{name}\" is exported{}", hint.unwrap_or_default());
    }
    Ok(())
}

/// As TOML has it: in single quotes a backslash is one.
fn section(name: &str) -> String {
    format!("app.toml, [functions.'{name}'.cache]")
}

fn says(given: &CacheOptions, option: &str) -> bool {
    match option {
        "ttl" => given.ttl_ms.is_some(),
        "negative" => given.negative_ms.is_some(),
        "tags" => given.tags.is_some(),
        _ => given.vary.is_some(),
    }
}
