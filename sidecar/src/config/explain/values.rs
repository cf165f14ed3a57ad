//! Values of a configuration by their dotted keys.

use serde::Serialize;
use serde_json::Value;

/// Structs of the configuration have nothing that JSON cannot hold.
pub(super) fn as_json<T: Serialize>(values: &T) -> Value {
    serde_json::to_value(values).unwrap_or_default()
}

/// Keys and values that a name of the table of keys stands for; `*` alone is everything.
pub(super) fn matching(values: &Value, pattern: &str) -> Vec<(String, Value)> {
    fn leaves(prefix: &str, value: &Value, out: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                let dot = if prefix.is_empty() { "" } else { "." };
                leaves(&format!("{prefix}{dot}{key}"), value, out);
            }),
            value => out.push((prefix.to_owned(), value.clone())),
        }
    }
    let mut found = Vec::new();
    leaves("", values, &mut found);
    let head = pattern.split(['*', '[']).next().unwrap_or_default();
    let wanted = |key: &str| match head == pattern {
        true => key == pattern,
        false => key.starts_with(head) || key == head.trim_end_matches('.'),
    };
    found.retain(|(key, _)| wanted(key));
    found
}

/// A DSN may hold a password.
pub(super) fn redacted(value: Value) -> Value {
    let Some((before, after)) = value.as_str().and_then(|text| text.split_once("password=")) else {
        return value;
    };
    let rest = after.find(';').map_or("", |end| &after[end..]);
    format!("{before}password=…{rest}").into()
}
