//! Reads a TOML file against the table of its keys, so that every error names file, line and, for a
//! misspelt key, the one that was meant.

use super::{ConfigError, Key};
use protocol::nearest;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
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
        let mut document = Self { file: file.to_owned(), text, lines: BTreeMap::new() };
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
            if keys.iter().any(|known| known.name == name || known.name == format!("{prefix}*")) {
                continue;
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
        let advice = match nearest(key, siblings.iter().copied()).first() {
            Some(near) => format!("did you mean \"{prefix}{near}\"?"),
            None => format!("known here: {}", siblings.join(", ")),
        };
        let name = format!("{prefix}{key}");
        let message = format!("unknown key \"{name}\"; {advice}");
        ConfigError::in_file(&self.file, self.lines.get(&name).copied(), message)
    }

    fn at_span(&self, error: &toml::de::Error) -> ConfigError {
        let line = error.span().map(|span| line_at(&self.text, span.start));
        ConfigError::in_file(&self.file, line, error.message().replace('\n', "; "))
    }
}

/// Line, counted from 1, of a byte offset.
fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
