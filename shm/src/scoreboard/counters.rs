//! Counters of a function.

use crate::histogram::{BUCKETS, bucket};
use crate::page::shared;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

shared! {
    /// Counters of one function, added to by every executor of the pool.
    #[derive(Debug)]
    pub struct FunctionCounters {
        calls: AtomicU64,
        errors: AtomicU64,
        total_ns: AtomicU64,
        histogram: [AtomicU32; BUCKETS],
    }
}

impl FunctionCounters {
    pub fn record(&self, nanoseconds: u64, failed: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.total_ns.fetch_add(nanoseconds, Ordering::Relaxed);
        self.histogram[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub fn total_ns(&self) -> u64 {
        self.total_ns.load(Ordering::Relaxed)
    }

    pub fn histogram(&self) -> Vec<u64> {
        self.histogram.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Scoreboard;

    #[test]
    fn functions_count_calls_errors_and_time() {
        let (_file, board) = Scoreboard::create(1, 1).unwrap();
        board.function(0).record(3_500, false);
        board.function(0).record(1_000_000, true);
        let counters = board.function(0);
        assert_eq!((counters.calls(), counters.errors(), counters.total_ns()), (2, 1, 1_003_500));
        assert_eq!(counters.histogram().iter().sum::<u64>(), 2);
    }
}
