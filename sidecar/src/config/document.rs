//! Reads a TOML file against the table of its keys, so that every error names file, line and, for a
//! misspelt key, the one that was meant.

use super::origin::Origins;
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

/// Where in the file a table is: as it is written, and as the table of keys has it, in which `*` stands
/// for any name.
#[derive(Default)]
struct Prefix {
    written: String,
    pattern: String,
}

/// What a key is, by the table of keys.
enum Found<'a> {
    Leaf(&'a Key),
    Table(Prefix),
    /// An array of tables.
    Each(Prefix),
}

impl Prefix {
    fn find<'a>(&self, key: &str, is_table: bool, keys: &'a [Key]) -> Option<Found<'a>> {
        for name in [key, "*"] {
            let pattern = format!("{}{name}", self.pattern);
            let inside = |end: &str| Self {
                written: format!("{}{key}{end}", self.written),
                pattern: format!("{pattern}{end}"),
            };
            let (table, each) = (inside("."), inside("[]."));
            let begins = |start: &str| keys.iter().any(|known| known.name.starts_with(start));
            // Some can be written either way.
            let as_table = begins(&table.pattern);
            match keys.iter().find(|known| known.name == pattern) {
                Some(known) if !(is_table && as_table) => return Some(Found::Leaf(known)),
                _ if as_table => return Some(Found::Table(table)),
                _ if begins(&each.pattern) => return Some(Found::Each(each)),
                _ => {}
            }
        }
        None
    }
}

/// Whether a key that an `app.toml` cannot have is one of `[apps.NAME]`.
fn is_the_administrators(pattern: &str, keys: &[Key]) -> bool {
    let of_application = !keys.iter().any(|known| known.name.starts_with("apps."));
    let (exactly, below) = (format!("apps.*.{pattern}"), format!("apps.*.{pattern}."));
    let known = |known: &Key| known.name == exactly || known.name.starts_with(&below);
    of_application && super::daemon::KEYS.iter().any(known)
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
        document.check_keys(table.get_ref(), &Prefix::default(), keys)?;
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

    /// Where its keys that have values stand.
    pub(super) fn origins(&self) -> Origins {
        let valued = |name: &String| self.values.iter().any(|(_, written)| written.name == *name);
        let lines = self.lines.iter().filter(|(name, _)| valued(name));
        Origins::new(&self.file, lines)
    }

    /// An error about the key `name` (dotted), with the line it stands on.
    pub(super) fn error(&self, name: &str, message: impl Into<String>) -> ConfigError {
        let line = self.lines.get(name).copied();
        ConfigError::in_file(&self.file, line, format!("{name}: {}", message.into()))
    }

    fn check_keys(
        &mut self,
        table: &DeTable<'_>,
        prefix: &Prefix,
        keys: &[Key],
    ) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = format!("{}{}", prefix.written, key.get_ref());
            self.lines.insert(name.clone(), line_at(&self.text, key.span().start));
            let is_table = matches!(value.get_ref(), DeValue::Table(_));
            let Some(found) = prefix.find(key.get_ref(), is_table, keys) else {
                return Err(self.unknown(key.get_ref(), prefix, keys));
            };
            match (found, value.get_ref()) {
                (Found::Leaf(known), _) => {
                    let written = Written { name, default: known.default };
                    self.values.push((value.span(), written));
                }
                (Found::Table(inside), DeValue::Table(inner)) => {
                    self.check_keys(inner, &inside, keys)?;
                }
                (Found::Table(_), _) => {
                    return Err(self.error(&name, format!("must be a table, [{name}]")));
                }
                (Found::Each(inside), list) => {
                    for item in list.as_array().into_iter().flatten() {
                        if let DeValue::Table(inner) = item.get_ref() {
                            self.check_keys(inner, &inside, keys)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn unknown(&self, key: &str, prefix: &Prefix, keys: &[Key]) -> ConfigError {
        let mut siblings: Vec<&str> = keys
            .iter()
            .filter_map(|known| known.name.strip_prefix(&*prefix.pattern)?.split(['.', '[']).next())
            .filter(|name| *name != "*")
            .collect();
        siblings.dedup();
        let of_the_top = !prefix.pattern.is_empty() && keys.iter().any(|known| known.name == key);
        let name = format!("{}{key}", prefix.written);
        let advice = match nearest(key, siblings.iter().copied()).first() {
            _ if of_the_top => format!("\"{key}\" belongs above the first [section]"),
            _ if is_the_administrators(&format!("{}{key}", prefix.pattern), keys) => {
                "only the worker's administrator can say this: in appserver.toml, in the section \
                 [apps.NAME] of this application"
                    .to_owned()
            }
            Some(near) => format!("did you mean \"{}{near}\"?", prefix.written),
            None => format!("known here: {}", siblings.join(", ")),
        };
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
        "f64" => "write a number, e.g. 60 or 0.5".to_owned(),
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
