//! Reads a TOML file against the table of its keys, so that every error names file, line and, for a
//! misspelt key, the one that was meant.

use super::{ConfigError, Key};
use protocol::nearest;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Largest configuration file read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A configuration file whose keys are all known.
pub(super) struct Document {
    file: PathBuf,
    text: String,
    /// Line of each key by its dotted name.
    lines: BTreeMap<String, usize>,
    /// Where the value of each key stands, with the key.
    values: Vec<(Range<usize>, Written)>,
}

/// A key that the file sets.
struct Written {
    /// Dotted.
    name: String,
    /// Its default as the table has it, for an example.
    default: &'static str,
}

impl Document {
    /// Reads `file` and checks its keys against `keys`.
    pub(super) fn read(file: &Path, keys: &[Key]) -> Result<Self, ConfigError> {
        let cannot = |error| ConfigError::in_file(file, None, format!("cannot be read: {error}"));
        if std::fs::metadata(file).map_err(cannot)?.len() > FILE_BYTES_MAX {
            let message = format!("is larger than {FILE_BYTES_MAX} bytes");
            return Err(ConfigError::in_file(file, None, message));
        }
        Self::parse(file, std::fs::read_to_string(file).map_err(cannot)?, keys)
    }

    /// As [`Self::read`], with the text at hand.
    pub(super) fn parse(file: &Path, text: String, keys: &[Key]) -> Result<Self, ConfigError> {
        let mut document =
            Self { file: file.to_owned(), text, lines: BTreeMap::new(), values: Vec::new() };
        let text = document.text.clone();
        let table = DeTable::parse(&text).map_err(|error| document.at_span(&error))?;
        document.check_keys(table.get_ref(), "", keys)?;
        Ok(document)
    }

    /// The values as `T`.
    pub(super) fn values<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|error| self.at_span(&error))
    }

    /// Whether the file sets the key `name` (dotted).
    pub(super) fn sets(&self, name: &str) -> bool {
        self.lines.contains_key(name)
    }

    /// An error about the key `name` (dotted), with the line it stands on.
    pub(super) fn error(&self, name: &str, message: impl Into<String>) -> ConfigError {
        let line = self.lines.get(name).copied();
        ConfigError::in_file(&self.file, line, format!("{name}: {}", message.into()))
    }

    fn check_keys(
        &mut self,
        table: &DeTable<'_>,
        prefix: &str,
        keys: &[Key],
    ) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let (inside, each) = (format!("{name}."), format!("{name}[]."));
            self.lines.insert(name.clone(), line_at(&self.text, key.span().start));
            let begins_with = |start: &str| keys.iter().any(|known| known.name.starts_with(start));
            let any = format!("{prefix}*");
            if let Some(known) = keys.iter().find(|known| known.name == name || known.name == any) {
                let written = Written { name, default: known.default };
                self.values.push((value.span(), written));
            } else if begins_with(&inside) {
                let DeValue::Table(inner) = value.get_ref() else {
                    return Err(self.error(&name, format!("must be a table, [{name}]")));
                };
                self.check_keys(inner, &inside, keys)?;
            } else if begins_with(&each) {
                for item in value.get_ref().as_array().into_iter().flatten() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        self.check_keys(inner, &each, keys)?;
                    }
                }
            } else {
                return Err(self.unknown(key.get_ref(), prefix, keys));
            }
        }
        Ok(())
    }

    fn unknown(&self, key: &str, prefix: &str, keys: &[Key]) -> ConfigError {
        let mut siblings: Vec<&str> = keys
            .iter()
            .filter_map(|known| known.name.strip_prefix(prefix)?.split(['.', '[']).next())
            .collect();
        siblings.dedup();
        let of_the_top = !prefix.is_empty() && keys.iter().any(|known| known.name == key);
        let advice = match nearest(key, siblings.iter().copied()).first() {
            _ if of_the_top => format!("\"{key}\" belongs above the first [section]"),
            Some(near) => format!("did you mean \"{prefix}{near}\"?"),
            None => format!("known here: {}", siblings.join(", ")),
        };
        let name = format!("{prefix}{key}");
        let message = format!("unknown key \"{name}\"; {advice}");
        ConfigError::in_file(&self.file, self.lines.get(&name).copied(), message)
    }

    fn at_span(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span();
        let line = span.as_ref().map(|span| line_at(&self.text, span.start));
        let written = self.values.iter().find(|(value, _)| {
            span.as_ref().is_some_and(|span| value.start <= span.start && span.end <= value.end)
        });
        let message = error.message().replace('\n', "; ");
        let message = match written {
            Some((_, key)) => format!("{}: {}", key.name, in_words(&message, key)),
            None => message,
        };
        ConfigError::in_file(&self.file, line, message)
    }
}

/// What to write instead of a value of a wrong type, in the words of people rather than of types.
fn in_words(message: &str, key: &Written) -> String {
    let of_type = message.strip_prefix("invalid type: ");
    let wrong = of_type.or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = wrong.and_then(|wrong| wrong.split_once(", expected ")) else {
        return message.to_owned();
    };
    let advice = match expected {
        "u16" | "u32" | "u64" => whole_number(key),
        "a boolean" => "write true or false".to_owned(),
        "a string" | "path string" => "write it in quotes".to_owned(),
        "a sequence" => "write a list, e.g. [\"one\", \"two\"]".to_owned(),
        other => format!("expected {other}"),
    };
    format!("{advice}; this is {found}")
}

fn whole_number(key: &Written) -> String {
    let units = [
        ("_bytes_max", "bytes as ", "67108864"),
        ("_ms", "milliseconds as ", "1000"),
        ("_us", "microseconds as ", "50"),
    ];
    let unit = units.iter().find(|(suffix, ..)| key.name.ends_with(suffix));
    let (unit, example) = unit.map_or(("", "8"), |(_, unit, example)| (*unit, *example));
    let has_default = key.default.parse::<u64>().is_ok_and(|number| number > 0);
    let example = if has_default { key.default } else { example };
    format!("write {unit}a whole number, e.g. {example}")
}

/// Line, counted from 1, of a byte offset.
fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
