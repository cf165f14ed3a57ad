//! `[settings]`: values by dotted key, which `AppServer\config()` reads.
//!
//! A key is a value, or the beginning of others: were it both, nobody could say what `config('feature')` is.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 128;

/// Values by key.
pub(crate) type Settings = BTreeMap<String, Value>;

/// Tables become dotted keys: `[settings.feature] checkout = 0.25` is `feature.checkout`.
pub(super) fn flat<'de, D: Deserializer<'de>>(source: D) -> Result<Settings, D::Error> {
    let table = Settings::deserialize(source)?;
    let mut flat = Settings::new();
    for (key, value) in table {
        flatten(key, value, &mut flat).map_err(serde::de::Error::custom)?;
    }
    Ok(flat)
}

/// The same of one value, which may be an object.
pub(crate) fn flatten(key: String, value: Value, into: &mut Settings) -> Result<(), String> {
    match value {
        Value::Object(table) if table.is_empty() => {
            Err(format!("\"{key}\" is empty: a table has keys, each with a value"))
        }
        Value::Object(table) => table
            .into_iter()
            .try_for_each(|(inner, value)| flatten(format!("{key}.{inner}"), value, into)),
        value => match into.insert(key.clone(), value) {
            None => Ok(()),
            Some(_) => Err(format!("\"{key}\" is given twice")),
        },
    }
}

/// The key that cannot be, and why.
pub(crate) fn check(settings: &Settings) -> Result<(), (&str, String)> {
    for key in settings.keys() {
        check_key(key).map_err(|message| (key.as_str(), message))?;
        let inside = format!("{key}.");
        let mut after = settings.range(inside.clone()..).map(|(other, _)| other);
        if let Some(other) = after.next().filter(|other| other.starts_with(&inside)) {
            let message = format!(
                "\"{key}\" has a value, so there cannot be \"{other}\": take one of them away, or rename it"
            );
            return Err((key, message));
        }
    }
    Ok(())
}

/// Whether `key` is `whole`, or one that it is the beginning of.
pub(crate) fn is_within(key: &str, whole: &str) -> bool {
    key.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn check_key(key: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let part = |part: &str| !part.is_empty() && part.chars().all(good);
    if key.len() <= KEY_BYTES_MAX && key.split('.').all(part) {
        return Ok(());
    }
    Err(format!(
        "\"{key}\" is no key: write words of letters, digits, dashes and underscores with a dot between \
         them, at most {KEY_BYTES_MAX} characters"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(keys: &[&str]) -> Settings {
        keys.iter().map(|key| ((*key).to_owned(), json!(1))).collect()
    }

    #[test]
    fn keys_are_words_with_dots_between_them() {
        for key in ["a", "feature.checkout", "a-b_c.1"] {
            assert_eq!(check(&settings(&[key])), Ok(()), "{key}");
        }
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        for key in ["", ".", "a..b", ".a", "a.", "a b", "ä", &long] {
            let all = settings(&[key]);
            let (named, message) = check(&all).unwrap_err();
            assert!(named == key && message.contains("is no key"), "{message}");
        }
    }

    #[test]
    fn a_key_is_a_value_or_the_beginning_of_others() {
        assert_eq!(check(&settings(&["feature", "feature-x", "features.x", "featur"])), Ok(()));
        for keys in [["feature", "feature.x"], ["a.b", "a.b.c.d"]] {
            // What sorts between the two hides nothing.
            let mut all = settings(&keys);
            all.extend(settings(&["feature-y", "a.b-c"]));
            let (key, message) = check(&all).unwrap_err();
            assert_eq!(key, keys[0]);
            assert!(message.contains(&format!("there cannot be \"{}\"", keys[1])), "{message}");
        }
    }

    #[test]
    fn tables_become_dotted_keys_and_none_is_given_twice() {
        let mut all = Settings::new();
        flatten("a".to_owned(), json!({"b": {"c": 1}, "d": [{}]}), &mut all).unwrap();
        assert_eq!(json!(all), json!({"a.b.c": 1, "a.d": [{}]}));
        let error = flatten("a.b".to_owned(), json!({"c": 2}), &mut all).unwrap_err();
        assert_eq!(error, "\"a.b.c\" is given twice");
        assert!(flatten("e".to_owned(), json!({}), &mut all).unwrap_err().contains("empty"));
    }
}
