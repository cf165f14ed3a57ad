//! Jobs on the wire: what is asked for, how it stands, and what an executor is told of the job it runs.

mod bounded;
mod id;
mod options;
mod report;
mod request;
mod schedule;
mod status;

pub use bounded::{JOBS_AT_ONCE_MAX, JobCount, PAUSES_MAX, STEPS_AT_ONCE_MAX, STEPS_MAX, TAGS_MAX};
pub use id::{InvalidJobId, JobId};
pub use options::{Backoff, InvalidRate, JobOptions, KeyLimit, Rate, Unique, UniqueMode};
pub use report::{Attempt, BatchReport, JobReport, JobState, Outcome, Progress};
pub use request::{
    Accepted, JobContext, JobRefusal, JobReply, JobRequest, NewBatch, NewJob, split_job,
};
pub use schedule::{Missed, Schedule};
pub use status::{JobTotals, JobsStatus, LedgerStatus, QueueStatus};
