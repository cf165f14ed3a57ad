//! Who may come in, and how: sockets, users, tokens, certificates.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A user or group, by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a name or a number")]
pub(crate) enum Identity {
    Number(u32),
    Name(String),
}

/// `[socket]`: unix sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Socket {
    /// Octal text, because a number of TOML would be taken for decimal.
    pub(crate) mode: String,
    pub(crate) group: Option<Identity>,
}

impl Default for Socket {
    fn default() -> Self {
        Self { mode: "0660".to_owned(), group: None }
    }
}

/// `[allow]`: peers of unix sockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Allow {
    pub(crate) users: Vec<Identity>,
    pub(crate) groups: Vec<Identity>,
}

/// `[tcp]`: remote callers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tcp {
    pub(crate) insecure: bool,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) token_env: Option<String>,
}

/// `[tls]`: PEM files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
}
