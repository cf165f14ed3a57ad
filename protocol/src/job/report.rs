//! How a job stands.

use super::id::JobId;
use crate::AppName;
use serde::{Deserialize, Serialize};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum JobState {
    /// For its time, its turn, or something else that `explain` tells.
    Waiting = 1,
    Running = 2,
    /// It returned.
    Done = 3,
    /// It will not run again unless somebody asks for it: attempts used up, poison, or expired.
    Dead = 4,
    Cancelled = 5,
}

impl JobState {
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// As it is stored.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == byte)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen to it by itself.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Dead | Self::Cancelled)
    }
}

/// How far a job says it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    /// 0 = not known.
    pub total: u64,
    pub message: String,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Returned,
    /// It threw, or was refused.
    Failed,
    /// It took too long.
    TimedOut,
    /// Its executor died, or it ended PHP's request without returning.
    Crashed,
    /// The worker was stopped, killed or lost power meanwhile.
    Interrupted,
    Cancelled,
    /// It never began: its time was over.
    Expired,
    /// It asked for another attempt, and does not count as a failure.
    Released,
}

/// One attempt at a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1; what ended it before its first attempt stands under 0.
    pub number: u32,
    /// Since 1970.
    pub began_ms: u64,
    pub took_ms: u64,
    pub outcome: Outcome,
    /// What went wrong, for a person; empty when it returned.
    pub error: String,
}

/// All about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    pub id: JobId,
    pub app: AppName,
    pub function: String,
    pub queue: String,
    pub state: JobState,
    pub priority: i8,
    pub made_ms: u64,
    /// When it may run at the earliest, since 1970.
    pub due_ms: u64,
    /// Attempts begun.
    pub attempt: u32,
    pub failures: u16,
    pub crashes: u16,
    pub attempts_max: u16,
    pub group: Option<String>,
    pub tags: Vec<String>,
    pub idempotency_key: Option<String>,
    pub batch: Option<JobId>,
    /// The last ones, oldest first.
    pub attempts: Vec<Attempt>,
    pub progress: Option<Progress>,
    /// What it returned, in the value codec, as long as it is kept.
    #[serde(with = "serde_bytes")]
    pub result: Option<Vec<u8>>,
    /// Why it does not run, for a person; empty when there is nothing to say.
    pub waits_for: String,
    /// The next step of its chain, once it is made.
    pub next: Option<JobId>,
}

/// How the jobs of a batch stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReport {
    pub id: JobId,
    pub app: AppName,
    pub name: String,
    pub made_ms: u64,
    pub total: u32,
    pub done: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub followed: Followed,
}

/// The jobs that followed a batch, once they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// All were done.
    pub then: Option<JobId>,
    /// The first was dead.
    pub catch: Option<JobId>,
    /// All were over.
    pub finally: Option<JobId>,
}

impl BatchReport {
    /// Whether every job of it is over.
    pub fn is_over(&self) -> bool {
        self.done + self.failed + self.cancelled >= self.total
    }
}
