//! What every request context runs before its call: the bootstrap file, and entry files that cannot
//! be preloaded.

use super::failure;
use crate::deployed;
use embed::{Outcome, Request};
use protocol::Failure;

/// Absolute paths, in order.
#[derive(Clone, Debug)]
pub(crate) struct Prologue(Vec<String>);

/// Why a context is of no use.
#[derive(Debug)]
pub(crate) struct PrologueFailure {
    pub(super) file: String,
    pub(super) failure: Failure,
    pub(super) bailed_out: bool,
}

impl Prologue {
    pub(crate) fn new(files: Vec<String>) -> Self {
        Self(files)
    }

    /// Whether there is nothing to run.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them; the first that does not return ends it.
    pub(crate) fn run(&self, request: &Request<'_>) -> Result<(), PrologueFailure> {
        if !self.is_empty() {
            // Which call comes is not known yet.
            deployed::announce_call(0, 0);
        }
        for file in &self.0 {
            let outcome = request.require_once(file);
            let bailed_out = matches!(outcome, Outcome::BailedOut(_));
            let failure = failure::from_outcome(request, &outcome);
            let released = request.release(outcome);
            let failure = failure.or_else(|| released.as_ref().err().map(failure::fatal));
            if let Some(failure) = failure {
                let bailed_out = bailed_out || released.is_err();
                return Err(PrologueFailure { file: file.clone(), failure, bailed_out });
            }
        }
        Ok(())
    }
}

impl PrologueFailure {
    /// In one line, for whoever deploys.
    pub(crate) fn describe(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let what = match &self.failure {
            Failure::Thrown(chain) => chain.first().map_or_else(String::new, |thrown| {
                let message = text(&thrown.message);
                format!("{}: {message} in {}:{}", thrown.class, thrown.file, thrown.line)
            }),
            Failure::Fatal { message, file, line, .. } => {
                format!("{} in {file}:{line}", text(message))
            }
            other => format!("{other:?}"),
        };
        format!("{} failed at the start of a request: {what}", self.file)
    }
}
