//! What is told when the commit is done.

use super::awaiting::Waiter;
use super::command::Managed;
use super::verdict::refused;
use protocol::{JobReply, JobRequest};
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
    Read(oneshot::Sender<JobReply>, JobReply, JobRequest),
    Managed(oneshot::Sender<Result<Managed, String>>, Managed),
}

impl Answer {
    /// `read` is the request if it changes nothing.
    pub(super) fn to(
        reply: oneshot::Sender<JobReply>,
        answer: JobReply,
        read: Option<JobRequest>,
    ) -> Self {
        match read {
            Some(request) => Self::Read(reply, answer, request),
            None => Self::Reply(reply, answer),
        }
    }

    pub(super) fn send(self) {
        // Whoever asked may be gone by now.
        match self {
            Self::Reply(to, reply) | Self::Read(to, reply, _) => drop(to.send(reply)),
            Self::Managed(to, managed) => drop(to.send(Ok(managed))),
        }
    }

    /// Instead: nothing of it has happened.
    pub(super) fn refuse(self, reason: &str) {
        match self {
            Self::Reply(to, _) | Self::Read(to, ..) => drop(to.send(refused(reason))),
            Self::Managed(to, _) => drop(to.send(Err(reason.to_owned()))),
        }
    }

    /// Whether it is about what `status` shows.
    pub(super) fn is_shown(&self) -> bool {
        matches!(self, Self::Managed(_, Managed::Done))
    }
}
