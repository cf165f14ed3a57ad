//! How jobs and batches stand on disk, while there is no engine that could say more.

use super::batch_facts::read_batch;
use super::report::report;
use crate::record::{Head, Tail};
use ledger::Reader;
use protocol::{BatchReport, JobId, JobReport, JobState};

/// As [`Engine::report`](super::Engine::report), of what is committed. `why` is told of a job that waits.
pub fn report_on_disk(
    id: JobId,
    tag: u16,
    why: &str,
    reader: &dyn Reader,
) -> Result<Option<JobReport>, ledger::Error> {
    let Some(entry) = reader.entry(id.seq())? else {
        return Ok(None);
    };
    let head = Head::read(id.seq(), &entry.head).ok();
    let Some(head) = head.filter(|head| head.id(tag, id.seq()) == id) else {
        return Ok(None);
    };
    let state = JobState::from_byte(entry.state).unwrap_or(JobState::Waiting);
    let waits_for = match state {
        JobState::Waiting => why.to_owned(),
        JobState::Running => String::new(),
        _ => head.cause.clone(),
    };
    let tail = Tail::read(entry.tail.as_deref());
    Ok(Some(report(id, state, head, tail, waits_for)))
}

/// As [`Engine::batch_report`](super::Engine::batch_report), of what is committed.
pub fn batch_on_disk(id: JobId, reader: &dyn Reader) -> Result<Option<BatchReport>, ledger::Error> {
    Ok(read_batch(id.seq(), reader)?.and_then(|batch| batch.report(id)))
}
