//! Why a worker did not do what was asked.

use crate::admin::{AdminError, Code};
use serde_json::{Value, json};
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It may have been done all the same.
    #[error("the connection broke: {0}")]
    Lost(String),
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error(
        "this is no control API, which is at control.sock or at an address of control.listen: {0}"
    )]
    Protocol(String),
    #[error("{0}")]
    Refused(#[from] AdminError),
    /// It could have, but another worker could not.
    #[error("nothing was changed here, because of another worker")]
    Spared,
    /// Whoever asked did not wait for it.
    #[error("given up by a signal")]
    Interrupted,
    /// Others did it, and this one could not be reached any more.
    #[error(
        "{cause}; whether release {number} took over there is not known: if it did not, it does \
         when the worker is back, before it serves"
    )]
    Behind { number: u64, cause: Box<Failure> },
    /// A part of it was done before.
    #[error("{cause}; {done} before that: {jobs} jobs{}", if cause.may_have_been_done() { ", and perhaps more" } else { "" })]
    Partly { done: &'static str, jobs: u64, cause: Box<Failure> },
}

impl Failure {
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(error) => Some(error.code),
            _ => None,
        }
    }

    /// Whether it is about the way to the worker, so that the same question may be answered later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) | Self::TimedOut(_) => true,
            Self::Protocol(_) | Self::Spared | Self::Interrupted | Self::Behind { .. } => false,
            Self::Refused(error) => error.code == Code::Unavailable,
            Self::Partly { cause, .. } => cause.may_pass(),
        }
    }

    /// When so many `jobs` had been `done` before; as it is where nothing was, and nothing can have been.
    pub(crate) fn after(self, done: &'static str, jobs: u64) -> Self {
        match jobs > 0 || self.may_have_been_done() {
            true => Self::Partly { done, jobs, cause: self.into() },
            false => self,
        }
    }

    /// Whether nobody knows what became of the question.
    fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::TimedOut(_))
    }

    /// As the worker says it, or in the same form.
    pub(crate) fn as_json(&self) -> Value {
        match self {
            Self::Refused(error) => json!(error),
            Self::Unreachable(_) => json!({"code": "unreachable", "message": self.to_string()}),
            Self::Lost(_) => json!({"code": "lost", "message": self.to_string()}),
            Self::TimedOut(_) => json!({"code": "timed_out", "message": self.to_string()}),
            Self::Protocol(_) => json!({"code": "protocol", "message": self.to_string()}),
            Self::Spared => json!({"code": "spared", "message": self.to_string()}),
            Self::Interrupted => json!({"code": "interrupted", "message": self.to_string()}),
            Self::Behind { .. } => json!({"code": "behind", "message": self.to_string()}),
            Self::Partly { jobs, cause, .. } => {
                let mut failure = cause.as_json();
                failure["message"] = self.to_string().into();
                failure["jobs"] = (*jobs).into();
                failure
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> Failure {
        AdminError::new(Code::Unavailable, "the disk is full").into()
    }

    #[test]
    fn what_was_done_before_is_told_where_anything_was_or_may_have_been() {
        let lost = || Failure::Lost("reset".to_owned());
        for (failure, told) in [
            (unavailable().after("cancelled", 0), "the disk is full"),
            (Failure::Interrupted.after("cancelled", 0), "given up by a signal"),
            (
                unavailable().after("cancelled", 256),
                "the disk is full; cancelled before that: 256 jobs",
            ),
            (
                lost().after("cancelled", 0),
                "the connection broke: reset; cancelled before that: 0 jobs, and perhaps more",
            ),
        ] {
            assert_eq!(failure.to_string(), told);
        }
        let json = unavailable().after("cancelled", 0).as_json();
        assert_eq!(json.get("jobs"), None, "{json}");
    }
}
