//! Questions while the ledger takes nothing: what is on disk needs no commit to be told.

use super::awaiting::Awaited;
use super::command::{Manage, Managed, Reported};
use super::keeper::Keeper;
use super::verdict::refused;
use jobs::{batch_on_disk, report_on_disk};
use ledger::{Error, Reader};
use protocol::{BatchReport, JobId, JobReply, JobReport, JobRequest};
use tokio::sync::oneshot;

/// A reader of its own, while the engine and the ledger's writer are in the middle of something.
struct OnDisk<'a> {
    reader: &'a dyn Reader,
    tag: u16,
    /// Why nothing that waits runs.
    why: String,
}

impl OnDisk<'_> {
    fn job(&self, id: JobId) -> Result<Option<JobReport>, Error> {
        report_on_disk(id, self.tag, &self.why, self.reader)
    }

    fn batch(&self, id: JobId) -> Result<Option<BatchReport>, Error> {
        batch_on_disk(id, self.reader)
    }

    /// Nothing where the answer has to wait.
    fn answer(&self, request: &JobRequest) -> Result<Option<JobReply>, Error> {
        let job = |report: Option<JobReport>| JobReply::Job(report.map(Box::new));
        Ok(match request {
            JobRequest::Find { id } => Some(job(self.job(*id)?)),
            JobRequest::Await { id, .. } => match self.job(*id)? {
                Some(report) if !report.state.is_over() => None,
                report => Some(job(report)),
            },
            JobRequest::Batch { id } => Some(JobReply::Batch(self.batch(*id)?)),
            JobRequest::AwaitBatch { id, .. } => match self.batch(*id)? {
                Some(report) if !report.is_over() => None,
                report => Some(JobReply::Batch(report)),
            },
            _ => Some(refused(&self.why)),
        })
    }
}

/// Whether it changes nothing.
pub(super) fn only_reads(request: &JobRequest) -> bool {
    matches!(
        request,
        JobRequest::Find { .. }
            | JobRequest::Await { .. }
            | JobRequest::Batch { .. }
            | JobRequest::AwaitBatch { .. }
    )
}

impl Keeper {
    /// Answers what needs no commit; the rest is refused.
    pub(super) fn answer_sick(&mut self, request: &JobRequest, reply: oneshot::Sender<JobReply>) {
        let sickness = self.sickness();
        let told = match self.on_disk() {
            Some(disk) if only_reads(request) => disk.answer(request),
            _ => Ok(Some(refused(&sickness))),
        };
        let told = told.unwrap_or_else(|error| Some(refused(&error.to_string())));
        match (told, Awaited::by(request)) {
            // Whoever asked may be gone by now.
            (Some(told), _) => drop(reply.send(told)),
            // It is looked at again with a new engine.
            (None, Some(awaited)) => self.awaiting.add((awaited, reply)),
            (None, None) => {}
        }
    }

    pub(super) fn manage_sick(
        &mut self,
        what: &Manage,
        reply: oneshot::Sender<Result<Managed, String>>,
    ) {
        let sickness = self.sickness();
        let told = match (what, self.on_disk()) {
            (Manage::Report(id), Some(disk)) => {
                let with_batch = |job: JobReport| {
                    let batch = job.batch.map(|batch| disk.batch(batch)).transpose();
                    batch.map(|batch| Box::new(Reported { job, batch: batch.flatten() }))
                };
                let job = disk.job(*id).and_then(|job| job.map(with_batch).transpose());
                job.map(Managed::Job).map_err(|error| error.to_string())
            }
            _ => Err(sickness),
        };
        drop(reply.send(told));
    }

    fn sickness(&self) -> String {
        self.sick.as_ref().map(|sick| sick.reason.clone()).unwrap_or_default()
    }

    fn on_disk(&mut self) -> Option<OnDisk<'_>> {
        let (tag, why) = (self.ledger.tag(), self.sickness());
        let why = format!("until the ledger of jobs works again, none begins: {why}");
        let sick = self.sick.as_mut()?;
        if sick.reader.is_none() {
            sick.reader = self.ledger.reader().ok();
        }
        Some(OnDisk { reader: sick.reader.as_deref()?, tag, why })
    }
}
