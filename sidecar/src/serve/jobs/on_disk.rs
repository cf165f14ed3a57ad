//! Questions while the ledger takes nothing: what is on disk needs no commit to be told.

use super::awaiting::Awaited;
use super::command::{Managed, Reported};
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
    fn answer(&self, read: Read) -> Result<Option<JobReply>, Error> {
        let (reply, is_over) = match read.whose {
            Awaited::Job(id) => {
                let report = self.job(id)?;
                let is_over = report.as_ref().is_none_or(|report| report.state.is_over());
                (JobReply::Job(report.map(Box::new)), is_over)
            }
            Awaited::Batch(id) => {
                let report = self.batch(id)?;
                let is_over = report.as_ref().is_none_or(BatchReport::is_over);
                (JobReply::Batch(report), is_over)
            }
        };
        Ok((is_over || !read.awaits).then_some(reply))
    }

    fn reported(&self, id: JobId) -> Result<Managed, Error> {
        let with_batch = |job: JobReport| {
            let batch = job.batch.map(|batch| self.batch(batch)).transpose();
            batch.map(|batch| Box::new(Reported { job, batch: batch.flatten() }))
        };
        self.job(id)?.map(with_batch).transpose().map(Managed::Job)
    }
}

/// A request that changes nothing: what is committed answers it.
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) whose: Awaited,
    /// It is answered when that is over.
    awaits: bool,
}

impl Read {
    /// Nothing for a request that needs a commit.
    pub(super) fn by(request: &JobRequest) -> Option<Self> {
        let (whose, awaits) = match request {
            JobRequest::Find { id } => (Awaited::Job(*id), false),
            JobRequest::Await { id, .. } => (Awaited::Job(*id), true),
            JobRequest::Batch { id } => (Awaited::Batch(*id), false),
            JobRequest::AwaitBatch { id, .. } => (Awaited::Batch(*id), true),
            JobRequest::Enqueue { .. }
            | JobRequest::Cancel { .. }
            | JobRequest::CancelBatch { .. } => return None,
        };
        Some(Self { whose, awaits })
    }
}

impl Keeper {
    /// Answers what needs no commit; the rest, where `read` is nothing, is refused.
    pub(super) fn answer_sick(&mut self, read: Option<Read>, reply: oneshot::Sender<JobReply>) {
        let sickness = self.sickness();
        let told = match read.and_then(|read| Some((read, self.on_disk()?))) {
            Some((read, disk)) => disk.answer(read).map(|told| told.ok_or(read.whose)),
            None => Ok(Ok(refused(&sickness))),
        };
        match told.unwrap_or_else(|error| Ok(refused(&error.to_string()))) {
            // Whoever asked may be gone by now.
            Ok(told) => drop(reply.send(told)),
            // It is looked at again with a new engine.
            Err(awaited) => self.awaiting.add((awaited, reply)),
        }
    }

    /// As [`Keeper::answer_sick`], for administrators: `report` is the job of whom a report is asked for.
    pub(super) fn manage_sick(
        &mut self,
        report: Option<JobId>,
        reply: oneshot::Sender<Result<Managed, String>>,
    ) {
        let sickness = self.sickness();
        let told = match report.and_then(|id| Some((id, self.on_disk()?))) {
            Some((id, disk)) => disk.reported(id).map_err(|error| error.to_string()),
            None => Err(sickness),
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
