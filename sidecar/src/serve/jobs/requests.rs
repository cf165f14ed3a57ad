//! What callers and administrators ask for, and what they are told.

use super::command::{Manage, Managed, Reported};
use super::keeper::Keeper;
use super::verdict::refused;
use crate::admin::{JobChange, QueueMode};
use jobs::{Cancelled, ReadError};
use protocol::{AppName, Cancellation, JobReply, JobReport, JobRequest};

impl Keeper {
    /// The answer to a request; nothing when its time has not come.
    pub(super) fn answer(
        &mut self,
        app: &AppName,
        request: JobRequest,
    ) -> Result<Option<JobReply>, ReadError> {
        let reader = self.ledger.read();
        Ok(Some(match request {
            JobRequest::Enqueue { .. } if self.stopping => refused("the worker is stopping"),
            JobRequest::Enqueue { .. } if let Some(shortage) = &self.shortage => {
                refused(&shortage.reason)
            }
            JobRequest::Enqueue { jobs, batch } => {
                match self.engine.enqueue(app, jobs, batch.map(|batch| *batch), reader)? {
                    Ok(made) => JobReply::Accepted { jobs: made.jobs, batch: made.batch },
                    Err(refusal) => JobReply::Refused(refusal),
                }
            }
            JobRequest::Find { id } => JobReply::Job(self.engine.report(id, reader)?.map(Box::new)),
            JobRequest::Await { id, .. } => match self.engine.report(id, reader)? {
                Some(report) if !report.state.is_over() => return Ok(None),
                report => JobReply::Job(report.map(Box::new)),
            },
            JobRequest::Cancel { id } => {
                let too_late = self.engine.cancel(id, reader)? == Cancelled::TooLate;
                let is_known = !too_late || self.engine.report(id, reader)?.is_some();
                JobReply::Cancelled(cancellation(!too_late, is_known))
            }
            JobRequest::Batch { id } => JobReply::Batch(self.engine.batch_report(id)),
            JobRequest::AwaitBatch { id, .. } => match self.engine.batch_report(id) {
                Some(report) if !report.is_over() => return Ok(None),
                report => JobReply::Batch(report),
            },
            JobRequest::CancelBatch { id } => {
                let done = self.engine.cancel_batch(id, reader)?;
                JobReply::Cancelled(cancellation(done, self.engine.batch_report(id).is_some()))
            }
        }))
    }

    /// What an administrator wants, done as far as it can be.
    pub(super) fn manage(&mut self, what: Manage) -> Result<Managed, ReadError> {
        let reader = self.ledger.read();
        match what {
            Manage::Report(id) => {
                let report = self.engine.report(id, reader)?;
                let with_batch = |job: JobReport| {
                    let batch = job.batch.and_then(|batch| self.engine.batch_report(batch));
                    Box::new(Reported { job, batch })
                };
                Ok(Managed::Job(report.map(with_batch)))
            }
            Manage::Change { change, ids } => {
                let mut changed = Vec::with_capacity(ids.len());
                for id in ids {
                    let done = match change {
                        JobChange::Cancel => self.engine.cancel(id, reader)? != Cancelled::TooLate,
                        JobChange::Retry => self.engine.retry(id, reader)?,
                        JobChange::Delete => self.engine.delete(id, reader)?,
                    };
                    changed.extend(done.then_some(id));
                }
                Ok(Managed::Changed(changed))
            }
            Manage::Mode { app, queue, mode } => {
                match mode {
                    QueueMode::Pause => self.engine.pause(&app, &queue),
                    QueueMode::Drain => self.engine.drain(&app, &queue),
                    QueueMode::Resume => self.engine.resume(&app, &queue),
                }
                Ok(Managed::Done)
            }
        }
    }
}

/// A client asks the next worker only when this one does not know what is to be cancelled.
fn cancellation(done: bool, is_known: bool) -> Cancellation {
    match (done, is_known) {
        (true, _) => Cancellation::Done,
        (false, true) => Cancellation::Over,
        (false, false) => Cancellation::Unknown,
    }
}
