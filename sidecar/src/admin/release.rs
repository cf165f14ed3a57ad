//! Releases of an application, as the control API tells of them.

use serde::{Deserialize, Serialize};

/// An application of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) app: String,
    /// Number of the release that new calls run in; 0 = a folder that is served without a deploy.
    pub(crate) current: u64,
    /// The one before, which `rollback` goes back to.
    pub(crate) previous: Option<u64>,
    pub(crate) canary: Option<CanaryShare>,
    /// Generation of the settings that new calls see.
    pub(crate) settings_generation: u64,
    /// Highest release number ever accepted: the next deploy must have a higher one.
    pub(crate) highest: u64,
    /// When it was decided that this release is current, in milliseconds since 1970; 0 = never. Of
    /// two workers that differ the one with the later decision is right.
    #[serde(default)]
    pub(crate) decided_at_ms: u64,
    /// It was removed: this is all that is left of it, so that nobody brings it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) removed: bool,
    /// Why it takes no calls: what other workers have and this one is still to get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) behind: Option<String>,
    /// Newest first.
    pub(crate) releases: Vec<Release>,
}

/// A release on trial, and its share of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CanaryShare {
    pub(crate) release: u64,
    /// From 0.01 to 100.
    pub(crate) percent: f64,
}

impl Eq for CanaryShare {}

/// A release that is kept on a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    pub(crate) number: u64,
    /// Hash of its files, as 16 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) state: ReleaseState,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Milliseconds since 1970, from the archive's signature.
    pub(crate) signed_at_ms: u64,
    pub(crate) deployer: String,
    pub(crate) note: String,
    pub(crate) functions: usize,
    /// Calls that are running in it now.
    pub(crate) running: usize,
}

/// Where a release stands on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReleaseState {
    /// On disk; nothing of it runs. A rollback to it starts it first.
    Kept,
    /// Its prototype starts PHP and preloads the code.
    Starting,
    /// It runs and could take over at once: a deploy's next release, or one that stays warm for a rollback.
    Staged,
    /// New calls run in it.
    Current,
    /// It gets a share of the requests.
    Canary,
    /// Only calls and requests that began in it still run; then, or after `releases.drain_timeout_ms`, it stops.
    Draining,
    /// It does not start, or keeps dying; NOTE says why.
    Failed,
}

/// What staging a release found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staged {
    pub(crate) number: u64,
    pub(crate) id: String,
    /// Signatures of the functions that can be called.
    pub(crate) functions: Vec<String>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) preloaded_files: u32,
    pub(crate) warnings: Vec<String>,
    /// What the steps of `[[provision]]` did, a line each.
    pub(crate) provisioned: Vec<String>,
    /// How the exported functions differ from those of the current release.
    pub(crate) changes: Vec<Change>,
    pub(crate) took_ms: u64,
}

/// A difference between the functions of two releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) function: String,
    /// Whether callers of the release before can break.
    pub(crate) breaking: bool,
    /// One line, e.g. `quote(): new required parameter $currency`.
    pub(crate) text: String,
}

/// A line of the audit log: who did what, when, with which result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditEntry {
    /// Milliseconds since 1970, by the worker's clock.
    pub(crate) at_ms: u64,
    /// Who asked: `uid 1000 (ada)`, `token deploy`, or `worker` itself.
    pub(crate) by: String,
    pub(crate) app: String,
    /// `stage`, `prepare`, `activate`, `rollback`, `canary`, `promote`, `abort`, `drain`, `prune`,
    /// `remove`, `settings`, `catch up`.
    pub(crate) action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<u64>,
    /// `ok`, or the error's message.
    pub(crate) result: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
}
