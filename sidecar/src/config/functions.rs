//! `[functions.NAME]` of an `app.toml`: what goes before the attributes of a function, for whoever runs code
//! that is not theirs to change.

use protocol::{BadOption, CacheOptions};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// By name, as PHP compares names: without regard to ASCII case.
pub(crate) type Functions = BTreeMap<String, FunctionGiven>;

/// What is said of one function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FunctionGiven {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<CacheGiven>,
}

/// `[functions.NAME.cache]`: as `#[AppServer\Cacheable]` has it, and before that, key by key. Times are in
/// seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheGiven {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vary: Option<Vec<String>>,
}

impl CacheGiven {
    /// As the executor takes it; what names parameters is left to it, for it knows the function.
    fn options(&self) -> Result<CacheOptions, BadOption> {
        let milliseconds = |option, seconds: Option<f64>| {
            seconds.map(|seconds| CacheOptions::milliseconds(option, seconds)).transpose()
        };
        let options = CacheOptions {
            ttl_ms: milliseconds("ttl", self.ttl)?,
            negative_ms: milliseconds("negative", self.negative)?,
            tags: self.tags.clone(),
            vary: self.vary.clone(),
        };
        options.check().map(|()| options)
    }
}

/// Of each function that has any, what is said of keeping its results. They are checked.
pub(crate) fn cache_options(functions: &Functions) -> Vec<(String, CacheOptions)> {
    let options = |(name, given): (&String, &FunctionGiven)| {
        Some((name.clone(), given.cache.as_ref()?.options().ok()?))
    };
    functions.iter().filter_map(options).collect()
}

/// The key that is wrong, and why.
pub(super) fn check(functions: &Functions) -> Result<(), (String, String)> {
    let mut seen = BTreeSet::new();
    for (name, given) in functions {
        let key = format!("functions.{name}");
        if !seen.insert(name.to_ascii_lowercase()) {
            let message = "is given twice: in names of functions upper and lower case are one";
            return Err((key, message.to_owned()));
        }
        if let Some(Err(BadOption { option, reason })) =
            given.cache.as_ref().map(CacheGiven::options)
        {
            return Err((format!("{key}.cache.{option}"), reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(toml: &str) -> Functions {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn what_is_said_of_keeping_results_is_taken_in_milliseconds() {
        let functions = functions(
            "[f.cache]\nttl = 60\nnegative = 0.5\ntags = [\"all\"]\n['Shop\\g']\n[h.cache]\nvary = [\"a\"]",
        );
        assert_eq!(check(&functions), Ok(()));
        let (text, none) = (|text: &str| Some(vec![text.to_owned()]), CacheOptions::default());
        let f = CacheOptions {
            ttl_ms: Some(60_000),
            negative_ms: Some(500),
            tags: text("all"),
            vary: None,
        };
        let h = CacheOptions { vary: text("a"), ..none };
        assert_eq!(cache_options(&functions), [("f".to_owned(), f), ("h".to_owned(), h)]);
    }

    #[test]
    fn what_cannot_be_is_told_with_its_key() {
        for (toml, key, says) in [
            ("f.cache.ttl = 0", "functions.f.cache.ttl", "must be more than 0 and"),
            ("f.cache.ttl = nan", "functions.f.cache.ttl", "must be more than 0 and"),
            ("f.cache.negative = -1", "functions.f.cache.negative", "must be 0 (not kept) or more"),
            ("f.cache.tags = [\"{a\"]", "functions.f.cache.tags", "must close every {"),
            ("f.cache.vary = []", "functions.f.cache.vary", "must name at least one parameter"),
            ("f = {}\nF = {}", "functions.f", "is given twice"),
        ] {
            let (told, message) = check(&functions(toml)).unwrap_err();
            assert!(told == key && message.contains(says), "{toml}: {told}: {message}");
        }
    }
}
