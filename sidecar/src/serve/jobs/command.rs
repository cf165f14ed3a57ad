//! What the thread that keeps jobs is told.

use super::verdict::refused;
use crate::admin::{JobChange, QueueMode};
use jobs::{Ended, Rules, Slots, Start};
use protocol::{AppName, BatchReport, JobId, JobReply, JobReport, JobRequest, Progress};
use tokio::sync::oneshot;

#[derive(Debug)]
pub(in crate::serve) enum Command {
    /// Of a client. It is answered when what it changes is on disk.
    Request {
        app: AppName,
        request: JobRequest,
        reply: oneshot::Sender<JobReply>,
    },
    /// Of an administrator; answered likewise.
    Manage {
        what: Manage,
        reply: oneshot::Sender<Result<Managed, String>>,
    },
    /// Who awaited the job or batch of this number does not any more.
    GaveUp {
        seq: u64,
    },
    /// An attempt ended.
    Finished {
        seq: u64,
        attempt: u32,
        ended: Ended,
    },
    Progress {
        seq: u64,
        attempt: u32,
        progress: Progress,
    },
    /// What the current release of an application says, and how many attempts may run at a time; nothing
    /// while none runs.
    Rules {
        app: AppName,
        rules: Option<Box<Rules>>,
        slots: Slots,
    },
    /// No attempt begins any more.
    Stop,
    /// Executors are ended now: that says nothing about the jobs that they run.
    Ending,
    /// What still runs is interrupted; the thread ends.
    Close {
        done: oneshot::Sender<()>,
    },
}

impl Command {
    /// Tells whoever waits for it that it is not done.
    pub(super) fn refuse(self, reason: &str) {
        // Whoever asked may be gone by now.
        match self {
            Self::Request { reply, .. } => drop(reply.send(refused(reason))),
            Self::Manage { reply, .. } => drop(reply.send(Err(reason.to_owned()))),
            _ => {}
        }
    }
}

/// What an administrator wants.
#[derive(Debug)]
pub(in crate::serve) enum Manage {
    Report(JobId),
    Change { change: JobChange, ids: Vec<JobId> },
    Mode { app: AppName, queue: String, mode: QueueMode },
}

impl Manage {
    /// The job of whom only a report is wanted: that changes nothing.
    pub(super) fn report(&self) -> Option<JobId> {
        match self {
            Self::Report(id) => Some(*id),
            Self::Change { .. } | Self::Mode { .. } => None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(in crate::serve) enum Managed {
    Job(Option<Box<Reported>>),
    /// The jobs to which it was done.
    Changed(Vec<JobId>),
    Done,
}

/// How a job stands, and the batch that it belongs to.
#[derive(Debug)]
pub(in crate::serve) struct Reported {
    pub(in crate::serve) job: JobReport,
    pub(in crate::serve) batch: Option<BatchReport>,
}

/// What it has others do.
#[derive(Debug)]
pub(in crate::serve) enum Order {
    Begin(Box<Start>),
    /// The attempt at that job.
    Interrupt(u64),
}
