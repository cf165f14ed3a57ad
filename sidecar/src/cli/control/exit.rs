//! The exit code that stands for a worker's failure.

use crate::admin::Code;
use crate::cli::Exit;
use crate::control_client::Failure;

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unreachable(_) => Exit::Unavailable,
            Self::Lost(_) => Exit::ConnectionLost,
            Self::TimedOut(_) => Exit::TimedOut,
            Self::Protocol(_) => Exit::Protocol,
            Self::Spared => Exit::Unavailable,
            Self::Interrupted => Exit::Interrupted,
            Self::Behind { cause, .. } | Self::Partly { cause, .. } => cause.exit(),
            Self::Refused(error) => match error.code {
                Code::BadRequest | Code::BadArchive => Exit::Data,
                Code::Denied => Exit::Denied,
                Code::UnknownApp
                | Code::UnknownRelease
                | Code::UnknownFunction
                | Code::UnknownJob => Exit::NotFound,
                Code::NotStaged => Exit::Config,
                Code::Breaking => Exit::Breaking,
                Code::Conflict => Exit::Conflict,
                Code::Unavailable => Exit::Unavailable,
            },
        }
    }
}
