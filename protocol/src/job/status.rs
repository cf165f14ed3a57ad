//! How a worker's jobs stand, as `appserver status` and the control API tell it.

use crate::AppName;
use serde::{Deserialize, Serialize};

/// Jobs of a worker. Counters begin with the worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobsStatus {
    /// Why none are taken: they are off, or the disk fails.
    pub refused: Option<String>,
    pub totals: JobTotals,
    /// Bytes of the arguments of all jobs that wait or run, and of what follows batches.
    pub bytes: u64,
    pub ledger: LedgerStatus,
    pub queues: Vec<QueueStatus>,
    /// Requests that wait for the end of a job or a batch.
    pub awaiting: u64,
}

/// How many jobs did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTotals {
    pub made: u64,
    pub done: u64,
    /// Attempts.
    pub failed: u64,
    /// Attempts.
    pub crashed: u64,
    pub dead: u64,
    pub cancelled: u64,
}

/// The file that keeps jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// What jobs take.
    pub live_bytes: u64,
    /// Of the file, with room that is free again.
    pub file_bytes: u64,
    /// Of the log beside it.
    pub log_bytes: u64,
    /// How long commits took together, until they were on disk.
    pub commits_us: u64,
    /// Commits by how long they took, in the buckets of functions' histograms.
    pub commits: Vec<u64>,
}

/// A queue as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    pub app: AppName,
    pub queue: String,
    /// It begins nothing.
    pub paused: bool,
    /// It takes no new jobs.
    pub draining: bool,
    /// For their time or their turn.
    pub waiting: u64,
    pub running: u64,
}
