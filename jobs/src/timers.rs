//! What is to happen later, on either clock.

use crate::clock::Now;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a timer is for. Whoever it is for may be gone when it rings: each is checked then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A job's pause is over: it takes its place among its kind, by its rank.
    Due { seq: u64, turn: u32, kind: u32, rank: i64 },
    /// The first job of a lane may run.
    Lane(u32),
    /// A limit admits one more.
    Limiter(u32),
    /// A job that has not begun by now is dead.
    Expires { seq: u64 },
}

/// Timers by the steady clock, and by the wall clock for what was asked for by date.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    steady: BinaryHeap<Reverse<(u64, Timer)>>,
    wall: BinaryHeap<Reverse<(u64, Timer)>>,
}

/// The wall clock may be set while everything sleeps; this often it is looked at, if anything waits for it.
const WALL_CLOCK_LOOK_MS: u64 = 10_000;

impl Timers {
    pub(crate) fn after(&mut self, steady_ms: u64, timer: Timer) {
        self.steady.push(Reverse((steady_ms, timer)));
    }

    pub(crate) fn at(&mut self, wall_ms: u64, timer: Timer) {
        self.wall.push(Reverse((wall_ms, timer)));
    }

    /// The next one that is due.
    pub(crate) fn ring(&mut self, now: Now) -> Option<Timer> {
        for (heap, time) in [(&mut self.steady, now.steady_ms), (&mut self.wall, now.wall_ms)] {
            if heap.peek().is_some_and(|Reverse((due, _))| *due <= time) {
                return heap.pop().map(|Reverse((_, timer))| timer);
            }
        }
        None
    }

    /// How long nothing is due, in milliseconds; `None` = for ever.
    pub(crate) fn quiet_ms(&self, now: Now) -> Option<u64> {
        let steady = self.steady.peek().map(|Reverse((due, _))| due.saturating_sub(now.steady_ms));
        let wall = self.wall.peek().map(|Reverse((due, _))| due.saturating_sub(now.wall_ms));
        let wall = wall.map(|quiet| quiet.min(WALL_CLOCK_LOOK_MS));
        steady.into_iter().chain(wall).min()
    }
}
