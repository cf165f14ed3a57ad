//! Jobs on the wire: what is asked for, how it stands, and what an executor is told of the job it runs.

mod bounds;
mod id;
mod lists;
mod options;
mod report;
mod request;
mod schedule;
mod status;

pub use bounds::BadOption;
pub use id::{InvalidJobId, JobId};
pub use lists::{JOBS_AT_ONCE_MAX, JobCount, STEPS_AT_ONCE_MAX, STEPS_MAX};
pub use options::{Backoff, InvalidRate, JobOptions, KeyLimit, Rate, Unique, UniqueMode};
pub use report::{Attempt, BatchReport, Followed, JobReport, JobState, Outcome, Progress};
pub use request::{
    Accepted, Cancellation, JobContext, JobRefusal, JobReply, JobRequest, NewBatch, NewJob,
    split_job,
};
pub use schedule::{Missed, Schedule};
pub use status::{JobTotals, JobsStatus, LedgerStatus, QueueStatus};
