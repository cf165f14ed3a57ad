//! What comes after a batch.

use super::Engine;
use super::draft::BODY_BYTES_MAX;
use super::options::bad;
use crate::record::Step;
use protocol::{AppName, JobRefusal, NewBatch, NewJob};
use serde::{Deserialize, Serialize};

/// Longest name of a batch, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// A batch as it was asked for, with the signatures of what comes after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Callbacks {
    pub(super) name: String,
    pub(super) then: Option<Step>,
    pub(super) catch: Option<Step>,
    pub(super) finally: Option<Step>,
    pub(super) allow_failures: bool,
}

impl Callbacks {
    /// Of arguments.
    pub(super) fn bytes(&self) -> u64 {
        let steps = [&self.then, &self.catch, &self.finally].into_iter().flatten();
        steps.map(|step| step.job.arguments.len() as u64).sum()
    }

    /// Its batch is over, and makes nothing more.
    pub(super) fn forget(&mut self) {
        (self.then, self.catch, self.finally) = (None, None, None);
    }
}

impl Engine {
    /// Checks what comes after a batch.
    pub(super) fn callbacks(
        &mut self,
        app: &AppName,
        batch: NewBatch,
    ) -> Result<Callbacks, JobRefusal> {
        if batch.name.len() > NAME_BYTES_MAX {
            return Err(bad("name", format!("a batch's name has at most {NAME_BYTES_MAX} bytes")));
        }
        let mut declarations = Vec::new();
        let mut step = |job: Option<NewJob>| {
            job.map(|job| self.later_step(app, job, &mut declarations)).transpose()
        };
        let callbacks = Callbacks {
            then: step(batch.then)?,
            catch: step(batch.catch)?,
            finally: step(batch.finally)?,
            name: batch.name,
            allow_failures: batch.allow_failures,
        };
        if callbacks.bytes() > BODY_BYTES_MAX as u64 {
            let reason =
                format!("what follows a batch has at most {BODY_BYTES_MAX} bytes of arguments");
            return Err(bad("then", reason));
        }
        self.declare(declarations);
        Ok(callbacks)
    }
}
