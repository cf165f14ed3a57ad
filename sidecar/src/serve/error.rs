//! Why `serve` did not start, or ended.

use crate::cli::{Exit, Stop};
use crate::config::ConfigError;
use std::fmt::Display;
use thiserror::Error;

/// The command line gives each its exit code.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The machine or its state does not allow it: a directory, a socket, a limit.
    #[error("{0}")]
    Start(String),
    /// An address that cannot be bound.
    #[error("{0}")]
    Address(String),
    /// No application started.
    #[error("{0}")]
    Applications(String),
}

impl Error {
    /// What was tried, and what the system said.
    pub(super) fn start(what: impl Display, error: impl Display) -> Self {
        Self::Start(format!("{what}: {error}"))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let exit = match error {
            Error::Config(_) | Error::Address(_) | Error::Applications(_) => Exit::Config,
            Error::Start(_) => Exit::Internal,
        };
        Self::new(exit, error.to_string())
    }
}
