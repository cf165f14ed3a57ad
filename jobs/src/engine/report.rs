//! How one job stands, for whoever asks.

use super::Engine;
use crate::pending::{ReadError, Stored};
use crate::record::{Head, Tail};
use ledger::Reader;
use protocol::{JobId, JobReport, JobState};

impl Engine {
    /// Everything about a job; `None` when there is none of this id, or no longer.
    pub fn report(&self, id: JobId, reader: &dyn Reader) -> Result<Option<JobReport>, ReadError> {
        let Some(Stored { state, head, mut tail, .. }) = self.stored(id, reader)? else {
            return Ok(None);
        };
        let state = JobState::from_byte(state).unwrap_or(JobState::Waiting);
        if let Some(running) = self.running.get(&id.seq()) {
            tail.progress.clone_from(&running.tail.progress);
        }
        let waits_for = match state {
            JobState::Waiting => self.waits_for(id.seq(), &head),
            JobState::Running => String::new(),
            _ => head.cause.clone(),
        };
        Ok(Some(report(id, state, head, tail, waits_for)))
    }
}

/// A report from what the ledger has.
pub(super) fn report(
    id: JobId,
    state: JobState,
    head: Head,
    tail: Tail,
    waits_for: String,
) -> JobReport {
    JobReport {
        id,
        due_ms: head.due_ms(),
        app: head.app,
        function: head.function,
        queue: head.queue,
        state,
        priority: head.priority,
        made_ms: head.made_ms,
        attempt: head.attempt,
        failures: head.failures,
        crashes: head.crashes,
        attempts_max: head.attempts_max,
        group: head.group,
        tags: head.tags,
        idempotency_key: head.idempotency_key,
        batch: head.batch,
        attempts: tail.attempts,
        progress: tail.progress,
        result: tail.result,
        next: tail.next,
        waits_for,
    }
}
