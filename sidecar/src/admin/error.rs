//! Why a question of the control API was not answered.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// The question itself is wrong.
    BadRequest,
    /// Whoever asks may not.
    Denied,
    UnknownApp,
    UnknownRelease,
    UnknownFunction,
    UnknownJob,
    /// The archive is not signed by a trusted key, altered, replayed, too old, or hostile.
    BadArchive,
    /// The release did not start, or a step of its provisioning failed.
    NotStaged,
    /// It would break callers: see the changes; `allow_breaking` does it all the same.
    Breaking,
    /// Another change came first, or the release is needed.
    Conflict,
    /// The worker cannot just now, e.g. because it is stopping or its disk is full.
    Unavailable,
}

/// An answer that is an error; as JSON `{"error": {"code": …, "message": …}}`.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{message}")]
pub(crate) struct AdminError {
    pub(crate) code: Code,
    /// What happened and what to do, for a person.
    pub(crate) message: String,
    /// Signature changes, where they are the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<super::Change>,
}

impl AdminError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), changes: Vec::new() }
    }
}
