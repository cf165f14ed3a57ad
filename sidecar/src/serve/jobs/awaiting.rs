//! Who awaits the end of a job, or of a batch.

use super::verdict::refused;
use jobs::{Engine, ReadError};
use ledger::Reader;
use protocol::{JobId, JobReply, JobReport};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Somebody who awaits the end of that job.
pub(super) type Waiter = (JobId, oneshot::Sender<JobReply>);

/// By the number of the job or batch.
#[derive(Default)]
pub(super) struct Awaiting(HashMap<u64, Vec<Waiter>>);

impl Awaiting {
    /// Who gave up before said so before.
    pub(super) fn add(&mut self, waiter: Waiter) {
        if waiter.1.is_closed() {
            return;
        }
        self.0.entry(waiter.0.seq()).or_default().push(waiter);
    }

    /// Tells everybody whose job or batch is over. What the engine says is on disk.
    pub(super) fn tell(&mut self, over: Vec<u64>, engine: &mut Engine, reader: &dyn Reader) {
        let unkept = engine.take_unkept();
        let unkept: HashMap<JobId, &JobReport> = unkept.iter().map(|job| (job.id, job)).collect();
        for seq in over {
            for (id, reply) in self.0.remove(&seq).unwrap_or_default() {
                let report = match unkept.get(&id) {
                    Some(report) => Ok(Some((*report).clone())),
                    None => engine.report(id, reader),
                };
                let _ = reply.send(as_reply(report));
            }
        }
        for seq in engine.take_batches_over() {
            for (id, reply) in self.0.remove(&seq).unwrap_or_default() {
                let _ = reply.send(JobReply::Batch(engine.batch_report(id)));
            }
        }
    }

    /// Somebody gave up waiting for the job or batch of this number.
    pub(super) fn forget_closed(&mut self, seq: u64) {
        let Some(waiting) = self.0.get_mut(&seq) else {
            return;
        };
        waiting.retain(|(_, reply)| !reply.is_closed());
        if waiting.is_empty() {
            self.0.remove(&seq);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

fn as_reply(report: Result<Option<JobReport>, ReadError>) -> JobReply {
    match report {
        Ok(report) => JobReply::Job(report.map(Box::new)),
        Err(error) => refused(&error.to_string()),
    }
}
