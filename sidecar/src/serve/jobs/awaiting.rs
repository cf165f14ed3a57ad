//! Who awaits the end of a job, or of a batch.

use super::super::fault;
use super::verdict::refused;
use jobs::{Engine, ReadError};
use ledger::Reader;
use protocol::{JobId, JobReply, JobReport};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Whose end somebody awaits.
#[derive(Clone, Copy)]
pub(super) enum Awaited {
    Job(JobId),
    Batch(JobId),
}

impl Awaited {
    fn seq(self) -> u64 {
        match self {
            Self::Job(id) | Self::Batch(id) => id.seq(),
        }
    }
}

/// Somebody who awaits it.
pub(super) type Waiter = (Awaited, oneshot::Sender<JobReply>);

/// By the number of the job or batch.
#[derive(Default)]
pub(super) struct Awaiting {
    waiters: HashMap<u64, Vec<Waiter>>,
    /// Something may have ended of which nobody was told.
    looks_again: bool,
    /// What is to be told of jobs that are not kept: of one that is on disk the ledger has nothing. Until it
    /// is told it stays here, also when the round is cut short.
    untold: HashMap<JobId, JobReport>,
}

impl Awaiting {
    /// Who gave up before said so before.
    pub(super) fn add(&mut self, waiter: Waiter) {
        if waiter.1.is_closed() {
            return;
        }
        self.waiters.entry(waiter.0.seq()).or_default().push(waiter);
    }

    /// Takes over how jobs ended that are not kept: when that is on disk, or when nobody knows what is of the
    /// last round, because the engine that made it is given up.
    pub(super) fn take_unkept(&mut self, engine: &mut Engine) {
        self.untold.extend(engine.take_unkept().into_iter().map(|job| (job.id, job)));
    }

    /// What was taken over and is not told yet.
    pub(super) fn untold(&self) -> impl Iterator<Item = &JobReport> {
        self.untold.values()
    }

    /// There is a new engine, which cannot tell what ended under the one before: after its first commit
    /// everybody's job is looked at.
    pub(super) fn look_again(&mut self) {
        self.looks_again = true;
    }

    /// Tells everybody whose job or batch is over. What the engine says is on disk.
    pub(super) fn tell(&mut self, over: Vec<u64>, engine: &mut Engine, reader: &dyn Reader) {
        if !over.is_empty() {
            fault::defect("jobs.defect_telling");
        }
        let batches = engine.take_batches_over();
        for (awaited, reply) in
            over.iter().chain(&batches).filter_map(|seq| self.waiters.remove(seq)).flatten()
        {
            let _ = reply.send(match awaited {
                Awaited::Job(id) => match self.untold.get(&id) {
                    Some(report) => job_reply(Ok(Some(report.clone()))),
                    None => job_reply(engine.report(id, reader)),
                },
                Awaited::Batch(id) => JobReply::Batch(engine.batch_report(id)),
            });
        }
        if std::mem::take(&mut self.looks_again) {
            self.tell_what_was_missed(engine, reader);
        }
        self.untold = HashMap::new();
    }

    fn tell_what_was_missed(&mut self, engine: &Engine, reader: &dyn Reader) {
        for (awaited, reply) in std::mem::take(&mut self.waiters).into_values().flatten() {
            let told = match awaited {
                Awaited::Job(id) => match engine.report(id, reader) {
                    Ok(Some(report)) if !report.state.is_over() => None,
                    Ok(None) => Some(job_reply(Ok(self.untold.get(&id).cloned()))),
                    report => Some(job_reply(report)),
                },
                Awaited::Batch(id) => match engine.batch_report(id) {
                    Some(report) if !report.is_over() => None,
                    report => Some(JobReply::Batch(report)),
                },
            };
            match told {
                Some(told) => drop(reply.send(told)),
                None => self.add((awaited, reply)),
            }
        }
    }

    /// Somebody gave up waiting for the job or batch of this number.
    pub(super) fn forget_closed(&mut self, seq: u64) {
        let Some(waiting) = self.waiters.get_mut(&seq) else {
            return;
        };
        waiting.retain(|(_, reply)| !reply.is_closed());
        if waiting.is_empty() {
            self.waiters.remove(&seq);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.waiters.values().map(Vec::len).sum()
    }
}

fn job_reply(report: Result<Option<JobReport>, ReadError>) -> JobReply {
    match report {
        Ok(report) => JobReply::Job(report.map(Box::new)),
        Err(error) => refused(&error.to_string()),
    }
}
