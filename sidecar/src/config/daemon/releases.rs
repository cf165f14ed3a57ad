//! `[deploy]` and `[releases]`: what is let in, and how long it stays.

use serde::{Deserialize, Serialize};

/// `[deploy]`: what comes over the control API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deploy {
    pub(crate) trusted_keys: Vec<String>,
    pub(crate) max_age_ms: u64,
}

impl Default for Deploy {
    fn default() -> Self {
        Self { trusted_keys: Vec::new(), max_age_ms: 24 * 60 * 60 * 1000 }
    }
}

/// `[releases]`: those that are not current any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Releases {
    pub(crate) warm: u16,
    pub(crate) drain_timeout_ms: u64,
    pub(crate) draining_max: u16,
    pub(crate) staged_max: u16,
}

impl Default for Releases {
    fn default() -> Self {
        Self { warm: 1, drain_timeout_ms: 30_000, draining_max: 8, staged_max: 4 }
    }
}
