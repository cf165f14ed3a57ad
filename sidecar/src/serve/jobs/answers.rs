//! What is told when the commit is done.

use super::awaiting::Waiter;
use super::command::Managed;
use super::on_disk::Read;
use protocol::{JobId, JobReply};
use tokio::sync::oneshot;

/// Of one round.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) now: Vec<Answer>,
    /// Who is told when a job or a batch is over.
    pub(super) later: Vec<Waiter>,
}

/// An answer, and to whom it goes.
pub(super) enum Answer {
    Reply(oneshot::Sender<JobReply>, JobReply),
    /// To a question that changes nothing.
    Read(oneshot::Sender<JobReply>, JobReply, Read),
    /// To an administrator, who may only want a report of that job.
    Managed(oneshot::Sender<Result<Managed, String>>, Managed, Option<JobId>),
}

impl Answer {
    /// `read` is the request if it changes nothing.
    pub(super) fn to(
        reply: oneshot::Sender<JobReply>,
        answer: JobReply,
        read: Option<Read>,
    ) -> Self {
        match read {
            Some(read) => Self::Read(reply, answer, read),
            None => Self::Reply(reply, answer),
        }
    }

    pub(super) fn send(self) {
        // Whoever asked may be gone by now.
        match self {
            Self::Reply(to, reply) | Self::Read(to, reply, _) => drop(to.send(reply)),
            Self::Managed(to, managed, _) => drop(to.send(Ok(managed))),
        }
    }

    /// Whether it is about what `status` shows.
    pub(super) fn is_shown(&self) -> bool {
        matches!(self, Self::Managed(_, Managed::Done, _))
    }
}
