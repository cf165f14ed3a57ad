//! The control API: what may be asked of a worker by whoever deploys to it, and what it answers.
//!
//! These types are the JSON of the HTTP API, the questions that the supervisor answers, and what the
//! command line reads: one definition for all three.

mod activated;
mod error;
mod jobs;
mod question;
mod release;

pub(crate) use activated::{Activated, in_places};
pub(crate) use error::{AdminError, Code};
pub(crate) use jobs::{
    BatchStatus, ChangeAll, ChangedAll, Job, JobChange, JobDetail, JobEvent, JobEventKind,
    JobEvents, JobFilter, JobPage, JobQuestion, Queue, QueueMode, Queues,
};
pub(crate) use question::{
    Abort, Activate, Answer, Canary, ChangeSettings, Invalidate, Number, Promote, Prune, Pruned,
    Question, Remove, Reply, Rollback, Settings,
};
pub(crate) use release::{App, AuditEntry, CanaryShare, Change, Release, ReleaseState, Staged};
