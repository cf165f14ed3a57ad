//! Jobs and queues, as the control API tells of them.

use protocol::{AppName, Attempt, BatchReport, JobId, JobState, JobTotals, LedgerStatus, Progress};
use serde::{Deserialize, Serialize};

/// What is asked about jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobQuestion {
    /// `GET /v1/jobs/queues`
    Queues,
    /// `GET /v1/jobs?state=dead&…`: the newest first.
    List { filter: JobFilter, before: Option<u64>, limit: usize },
    /// `GET /v1/jobs/{id}`
    Job(JobId),
    /// `GET /v1/jobs/events?after=N`
    Events { after: Option<u64> },
    /// `POST /v1/jobs/{id}/cancel`, `POST /v1/jobs/{id}/retry`, `DELETE /v1/jobs/{id}`
    Change { change: JobChange, id: JobId },
    /// `POST /v1/jobs:cancel`, `POST /v1/jobs:retry`, `POST /v1/jobs:delete`
    ChangeAll { change: JobChange, body: ChangeAll },
    /// `POST /v1/apps/{app}/queues/{queue}/pause`, `…/drain`, `…/resume`
    Mode { app: AppName, queue: String, mode: QueueMode },
}

/// What is done to jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobChange {
    /// One that waits never runs; one that runs is interrupted.
    Cancel,
    /// One that is over waits again, with all its attempts.
    Retry,
    /// One that does not run is forgotten.
    Delete,
}

impl JobChange {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Delete => "delete",
        }
    }

    /// For the audit log.
    pub(crate) fn audited(self) -> &'static str {
        match self {
            Self::Cancel => "job-cancel",
            Self::Retry => "job-retry",
            Self::Delete => "job-delete",
        }
    }

    /// Whether it can be done to a job in that state.
    pub(crate) fn fits(self, state: JobState) -> bool {
        match self {
            Self::Cancel => !state.is_over(),
            Self::Retry => state.is_over(),
            Self::Delete => state != JobState::Running,
        }
    }
}

/// What a queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueMode {
    /// It begins nothing; what runs goes on.
    Pause,
    /// It takes no new jobs, and runs those that it has.
    Drain,
    /// Both again.
    Resume,
}

impl QueueMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::Resume => "resume",
        }
    }

    /// For the audit log.
    pub(crate) fn audited(self) -> &'static str {
        match self {
            Self::Pause => "queue-pause",
            Self::Drain => "queue-drain",
            Self::Resume => "queue-resume",
        }
    }
}

/// Which jobs are meant: those of which everything that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JobFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<AppName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    /// In any case of its letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<JobState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Made at least so long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) older_than_ms: Option<u64>,
}

/// What is done to many jobs at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeAll {
    /// Empty: all jobs to which it can be done.
    pub(crate) filter: JobFilter,
    /// Only tell which ones.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// Where the answer before said that more is left.
    #[serde(default)]
    pub(crate) before: Option<u64>,
}

/// What came of it. A question does some thousands at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChangedAll {
    /// How many it was done to, or would be.
    pub(crate) jobs: u64,
    /// The first ones of them.
    pub(crate) first: Vec<Job>,
    /// Ask again with it as `before` for the rest; `null` = that is all. What fails part-way answers with
    /// what was done, and the next question tells why it is not all.
    pub(crate) before: Option<u64>,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) app: String,
    pub(crate) function: String,
    pub(crate) queue: String,
    pub(crate) state: JobState,
    pub(crate) priority: i8,
    pub(crate) made_at_ms: u64,
    /// When it may run at the earliest.
    pub(crate) due_at_ms: u64,
    pub(crate) ended_at_ms: Option<u64>,
    /// Attempts begun.
    pub(crate) attempt: u32,
    pub(crate) failures: u16,
    pub(crate) crashes: u16,
    pub(crate) group: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) batch: Option<String>,
    /// Why it is dead or cancelled.
    pub(crate) cause: String,
}

/// Everything about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    pub(crate) job: Job,
    pub(crate) attempts_max: u16,
    pub(crate) crashes_max: u16,
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) unique_key: Option<String>,
    pub(crate) argument_bytes: u32,
    /// The last ones, oldest first.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) progress: Option<Progress>,
    /// Of what it returned, as long as that is kept.
    pub(crate) result_bytes: Option<u64>,
    /// Why it does not run; empty when there is nothing to say.
    pub(crate) waits_for: String,
    /// Id of the next step of its chain, once it is made.
    pub(crate) next: Option<String>,
    /// Of the batch that it belongs to, as long as that is known.
    pub(crate) batch_status: Option<BatchStatus>,
}

/// How a batch stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchStatus {
    pub(crate) name: String,
    pub(crate) total: u32,
    pub(crate) done: u32,
    pub(crate) failed: u32,
    pub(crate) cancelled: u32,
    /// Id of the job that was made when all were done.
    pub(crate) then: Option<String>,
    /// Of the one that was made when the first was dead.
    pub(crate) catch: Option<String>,
    /// Of the one that was made when all were over.
    pub(crate) finally: Option<String>,
}

impl From<BatchReport> for BatchStatus {
    fn from(report: BatchReport) -> Self {
        let BatchReport { name, total, done, failed, cancelled, followed, .. } = report;
        let id = |id: Option<JobId>| id.map(|id| id.to_string());
        let (then, catch, finally) = (id(followed.then), id(followed.catch), id(followed.finally));
        Self { name, total, done, failed, cancelled, then, catch, finally }
    }
}

/// Some jobs, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobPage {
    pub(crate) jobs: Vec<Job>,
    /// Ask again with it as `before` for older ones, also when there are none here; `null` = that is all.
    pub(crate) before: Option<u64>,
}

/// All queues of a worker, and what its jobs take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queues {
    /// Why no jobs are taken: they are off, or the disk fails.
    pub(crate) refused: Option<String>,
    pub(crate) totals: JobTotals,
    /// Bytes of the arguments of all jobs that wait or run, and of what follows batches.
    pub(crate) bytes: u64,
    pub(crate) ledger: LedgerStatus,
    pub(crate) queues: Vec<Queue>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) app: String,
    pub(crate) queue: String,
    pub(crate) paused: bool,
    pub(crate) draining: bool,
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    /// How long ago the oldest job was made that waits for its turn; `null` = there is none, or it is behind
    /// so many others in the ledger that it was not looked for.
    pub(crate) oldest_ms: Option<u64>,
    /// Most that run at a time, where that is limited.
    pub(crate) concurrency: Option<u32>,
    /// Most that begin in a time, e.g. `100/min`, where that is limited.
    pub(crate) rate: Option<String>,
}

/// What happened to jobs since another question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobEvents {
    /// Oldest first. The first question has none: it says where to begin.
    pub(crate) events: Vec<JobEvent>,
    /// `after` of the next question. Who asks less than once in half a minute begins anew.
    pub(crate) after: u64,
    /// How many happened in between and are not told, because they were too many.
    pub(crate) missed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobEvent {
    pub(crate) at_ms: u64,
    pub(crate) id: String,
    pub(crate) app: String,
    pub(crate) queue: String,
    pub(crate) function: String,
    pub(crate) what: JobEventKind,
    /// 0 before the first one.
    pub(crate) attempt: u32,
    /// What went wrong.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobEventKind {
    Made,
    Began,
    /// An attempt failed.
    Failed,
    TimedOut,
    /// Its executor died.
    Crashed,
    /// The worker ended its attempt, or could not begin it.
    PutBack,
    Done,
    Dead,
    Cancelled,
}

impl JobEventKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Began => "began",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Crashed => "crashed",
            Self::PutBack => "put back",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}
