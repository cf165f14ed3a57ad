//! `[jobs]`: what is kept of jobs, how many, and for how long.

use super::super::document::Document;
use crate::config::ConfigError;
use protocol::Backoff;
use serde::{Deserialize, Serialize};

/// Highest jitter, in percent: the whole pause.
const PERCENT_MAX: u8 = 100;

/// `[jobs]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Jobs {
    pub(crate) enabled: bool,
    pub(crate) queue_len_max: u64,
    pub(crate) len_max: u64,
    pub(crate) queue_bytes_max: u64,
    pub(crate) kept_max: u64,
    pub(crate) keep_ms: u64,
    pub(crate) keep_dead_ms: u64,
    pub(crate) idempotency_ms: u64,
    pub(crate) ageing_ms: u64,
    pub(crate) attempts: u16,
    pub(crate) crash_attempts: u16,
    pub(crate) timeout_ms: u32,
    pub(crate) backoff_ms: u64,
    pub(crate) backoff_max_ms: u64,
    pub(crate) backoff_jitter_percent: u8,
    pub(crate) missed_ticks_max: u32,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            enabled: true,
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
            timeout_ms: 60 * 60 * 1000,
            backoff_ms: 1000,
            backoff_max_ms: 15 * 60 * 1000,
            backoff_jitter_percent: 25,
            missed_ticks_max: 100,
        }
    }
}

impl Jobs {
    /// As the engine takes them.
    pub(crate) fn settings(&self) -> jobs::Settings {
        jobs::Settings {
            queue_len_max: self.queue_len_max,
            len_max: self.len_max,
            queue_bytes_max: self.queue_bytes_max,
            kept_max: self.kept_max,
            keep_ms: self.keep_ms,
            keep_dead_ms: self.keep_dead_ms,
            idempotency_ms: self.idempotency_ms,
            ageing_ms: self.ageing_ms,
            attempts: self.attempts,
            crash_attempts: self.crash_attempts,
            backoff: Backoff::Exponential {
                base_ms: self.backoff_ms,
                max_ms: self.backoff_max_ms,
                jitter_percent: self.backoff_jitter_percent,
            },
            timeout_ms: self.timeout_ms,
            missed_ticks_max: self.missed_ticks_max,
        }
    }

    pub(super) fn check(&self, document: &Document) -> Result<(), ConfigError> {
        let positive = [
            ("jobs.queue_len_max", self.queue_len_max),
            ("jobs.len_max", self.len_max),
            ("jobs.queue_bytes_max", self.queue_bytes_max),
            ("jobs.keep_dead_ms", self.keep_dead_ms),
            ("jobs.attempts", self.attempts.into()),
            ("jobs.crash_attempts", self.crash_attempts.into()),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(document.error(name, "must be at least 1"));
        }
        if self.backoff_max_ms < self.backoff_ms {
            let set = document.sets("jobs.backoff_max_ms");
            let name = if set { "jobs.backoff_max_ms" } else { "jobs.backoff_ms" };
            let (first, most) = (self.backoff_ms, self.backoff_max_ms);
            let message = format!("the first pause is {first} ms and the longest {most} ms");
            return Err(document.error(name, message));
        }
        if self.backoff_jitter_percent > PERCENT_MAX {
            let message = format!("must be from 0 to {PERCENT_MAX}");
            return Err(document.error("jobs.backoff_jitter_percent", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_engine() {
        assert_eq!(Jobs::default().settings(), jobs::Settings::default());
    }
}
