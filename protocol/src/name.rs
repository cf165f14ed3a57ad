//! Names of applications and releases.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Name of an application: 1 to 64 of `a-z 0-9 _ -`, beginning with a letter. The empty name is
/// "the only application of the worker".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AppName(String);

/// A string that is no application name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{0}\" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter"
)]
pub struct InvalidName(pub String);

impl AppName {
    /// Checks and wraps `name`.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let valid = name.len() <= 64
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
            && name.bytes().next().is_none_or(|b| b.is_ascii_lowercase());
        if valid { Ok(Self(name.to_owned())) } else { Err(InvalidName(name.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this means "the only application".
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AppName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).map_err(serde::de::Error::custom)
    }
}

/// One immutable version of an application's code: a hash of its content, so that every worker
/// gives the same release the same id. Shown as 16 hexadecimal digits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ReleaseId(pub u64);

impl ReleaseId {
    /// "Whichever release is current."
    pub const ANY: Self = Self(0);

    pub fn is_any(self) -> bool {
        self == Self::ANY
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Splits `app:function` into its parts; `Class::method` and a plain function have no app.
///
/// A leading backslash, as PHP writes fully qualified names, is dropped. `:function` is an error: an
/// application that was left out by mistake must not become "the only one".
pub fn split_target(target: &str) -> Result<(Option<AppName>, &str), InvalidName> {
    let colon = target.find(':').filter(|&at| target.as_bytes().get(at + 1) != Some(&b':'));
    let (app, function) = match colon {
        Some(0) => return Err(InvalidName(String::new())),
        Some(at) => (Some(AppName::new(&target[..at])?), &target[at + 1..]),
        None => (None, target),
    };
    Ok((app, function.strip_prefix('\\').unwrap_or(function)))
}
