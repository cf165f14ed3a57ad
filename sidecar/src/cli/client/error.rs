//! Why a question to a worker has no answer, and the exit code that stands for it.

use crate::cli::{Exit, Stop};
use net::{Address, ExchangeError};
use protocol::{BadFrame, Refused, RefusedCode};
use std::io;
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("cannot reach {worker}: {reason}")]
    Unreachable { worker: String, reason: String },
    #[error("{worker} refused: {}{}", refused.message, near(&refused.near))]
    Refused { worker: String, refused: Refused },
    #[error("the connection to {worker} broke: {reason}; the call may have run")]
    Lost { worker: String, reason: String },
    #[error("{worker} did not answer within {} s", limit.as_secs_f64())]
    TimedOut { worker: String, limit: Duration },
    #[error("{worker} does not speak this protocol: {reason}")]
    Protocol { worker: String, reason: BadFrame },
    #[error("{0}")]
    Config(String),
    #[error(
        "no worker could be reached:\n  {}\nIs a sidecar running there? Name others with --workers \
         or APPSERVER_WORKERS.",
        .0.join("\n  ")
    )]
    NoWorker(Vec<String>),
}

impl ClientError {
    /// What it means that an exchange with `worker` failed.
    pub(super) fn new(worker: &Address, error: ExchangeError, limit: Duration) -> Self {
        let worker = worker.to_string();
        match error {
            ExchangeError::Refused(refused) => Self::Refused { worker, refused },
            ExchangeError::Bad(reason) => Self::Protocol { worker, reason },
            ExchangeError::Io(error) => match error.kind() {
                io::ErrorKind::TimedOut => Self::TimedOut { worker, limit },
                io::ErrorKind::UnexpectedEof => {
                    Self::Lost { worker, reason: "the worker closed it".to_owned() }
                }
                _ => Self::Lost { worker, reason: error.to_string() },
            },
        }
    }

    /// Before the welcome nothing can have run.
    pub(super) fn before_welcome(self) -> Self {
        match self {
            Self::Lost { worker, reason } => {
                let reason = format!("no welcome: {reason}");
                Self::Unreachable { worker, reason }
            }
            Self::TimedOut { worker, limit } => {
                let reason = format!("no welcome within {} s", limit.as_secs_f64());
                Self::Unreachable { worker, reason }
            }
            other => other,
        }
    }

    /// Whether another worker may be asked instead: nothing ran, and this one is to blame.
    pub(super) fn concerns_this_worker_alone(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { refused, .. } => matches!(
                refused.code,
                RefusedCode::TooManyConnections | RefusedCode::NotReady | RefusedCode::ShuttingDown
            ),
            _ => false,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::NoWorker(_) => Exit::Unavailable,
            Self::Refused { refused, .. } => exit_of_refusal(refused.code),
            Self::Lost { .. } => Exit::ConnectionLost,
            Self::TimedOut { .. } => Exit::TimedOut,
            Self::Protocol { .. } => Exit::Protocol,
            Self::Config(_) => Exit::Config,
        }
    }
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self::new(error.exit(), error.to_string())
    }
}

fn exit_of_refusal(code: RefusedCode) -> Exit {
    match code {
        RefusedCode::UnknownApp | RefusedCode::UnknownPool | RefusedCode::ReleaseGone => {
            Exit::NotFound
        }
        RefusedCode::Denied => Exit::Denied,
        RefusedCode::Protocol => Exit::Protocol,
        RefusedCode::TooManyConnections
        | RefusedCode::NotReady
        | RefusedCode::ShuttingDown
        | RefusedCode::NoJobStore => Exit::Unavailable,
    }
}

/// `; did you mean a or b?`, or nothing.
pub(crate) fn near(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}
