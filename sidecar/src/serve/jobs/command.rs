//! What the thread that keeps jobs is told.

use jobs::{Ended, Rules, Slots, Start};
use protocol::{AppName, JobReply, JobRequest, Progress};
use tokio::sync::oneshot;

#[derive(Debug)]
pub(in crate::serve) enum Command {
    /// Of a client. It is answered when what it changes is on disk.
    Request {
        app: AppName,
        request: JobRequest,
        reply: oneshot::Sender<JobReply>,
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
    /// What still runs is interrupted; the thread ends.
    Close {
        done: oneshot::Sender<()>,
    },
}

/// What it has others do.
#[derive(Debug)]
pub(in crate::serve) enum Order {
    Begin(Box<Start>),
    /// The attempt at that job.
    Interrupt(u64),
}
