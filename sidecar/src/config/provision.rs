//! `[[provision]]` of an `app.toml`: steps that prepare the ground for a release, once.

use serde::{Deserialize, Serialize};

/// One step: an SQL file, or a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provision {
    /// File of SQL statements, relative to the release's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sql: Option<String>,
    /// The SQLite database for it: a datasource, or a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) into: Option<String>,
    /// Program and arguments, run in the release's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) run: Vec<String>,
    /// Program and arguments that take the step back, if a later one fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) undo: Vec<String>,
    #[serde(default = "minute")]
    pub(crate) timeout_ms: u64,
}

fn minute() -> u64 {
    60_000
}

impl Provision {
    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match (&self.sql, &self.into, self.run.is_empty()) {
            (Some(_), None, _) => Some("sql needs into = \"DATASOURCE or FILE\""),
            (None, Some(_), _) => Some("into is for sql = \"FILE\""),
            (Some(_), Some(_), false) => Some("write sql or run, in a step of its own each"),
            (None, None, true) => Some("a step needs sql and into, or run"),
            _ if self.timeout_ms == 0 => Some("timeout_ms must be at least 1"),
            _ => None,
        }
    }
}
