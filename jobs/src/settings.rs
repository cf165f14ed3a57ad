//! What the administrator sets.

use protocol::{Backoff, Rate};
use std::collections::BTreeMap;

/// Of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most jobs that wait or run in one queue.
    pub queue_len_max: u64,
    /// Most jobs that wait or run in all queues: each takes memory.
    pub len_max: u64,
    /// Most bytes of arguments of all jobs that wait or run, and of what follows batches.
    pub queue_bytes_max: u64,
    /// Most jobs that are kept after their end, results included; of more, those go first whose time ends
    /// first.
    pub kept_max: u64,
    /// How long a job is kept when it is done or cancelled and nobody said otherwise.
    pub keep_ms: u64,
    /// How long dead jobs are kept.
    pub keep_dead_ms: u64,
    /// How long an idempotency key is known.
    pub idempotency_ms: u64,
    /// What a step of priority is worth in time of waiting.
    pub ageing_ms: u64,
    pub attempts: u16,
    pub crash_attempts: u16,
    pub backoff: Backoff,
    /// Longest an attempt may take; 0 = as long as it takes.
    pub timeout_ms: u32,
    /// Most ticks of a schedule that are made up for, one job each.
    pub missed_ticks_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_len_max: 1_000_000,
            len_max: 10_000_000,
            queue_bytes_max: 1 << 30,
            kept_max: 100_000,
            keep_ms: 10 * 60 * 1000,
            keep_dead_ms: 30 * 24 * 3600 * 1000,
            idempotency_ms: 24 * 3600 * 1000,
            ageing_ms: 10_000,
            attempts: 3,
            crash_attempts: 3,
            backoff: Backoff::Exponential {
                base_ms: 1000,
                max_ms: 15 * 60 * 1000,
                jitter_percent: 25,
            },
            timeout_ms: 60 * 60 * 1000,
            missed_ticks_max: 100,
        }
    }
}

/// What a queue or a function allows at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub concurrency: Option<u32>,
    pub rate: Option<Rate>,
}

impl Limits {
    pub fn are_none(self) -> bool {
        self.concurrency.is_none() && self.rate.is_none()
    }
}

/// Limits by name of the queue.
pub type QueueLimits = BTreeMap<String, Limits>;
