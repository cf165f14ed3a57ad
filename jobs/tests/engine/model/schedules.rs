//! A schedule: each tick makes one job, whatever happens meanwhile.

use super::World;
use super::known::Known;
use crate::worker::{With, function, job};
use jobs::Head;
use ledger::Ledger as _;
use protocol::{Function, Missed, Schedule};
use std::ops::ControlFlow;

/// Facts of the last ticks.
const TICK: u8 = 8;
const EVERY_MS: u64 = 1000;
const FUNCTION: &str = "tick";

/// What an observer knows of a schedule.
#[derive(Debug, Default)]
pub(super) struct KnownTicks {
    last: u64,
    /// Since that was looked at.
    made: u32,
}

/// Every second, and one job for all that were missed.
pub(super) fn scheduled() -> Function {
    let schedule =
        Schedule { cron: "* * * * * *".to_owned(), timezone: None, missed: Missed::Once };
    Function { schedules: vec![schedule], ..function(FUNCTION, &[]) }
}

pub(super) fn is_tick(head: &Head) -> bool {
    head.function == FUNCTION
}

impl World {
    pub(super) fn tick_is_made(&mut self) -> Known {
        self.ticks.made += 1;
        Known::of(&job(FUNCTION).queue("default"), self.real_ms)
    }

    /// Time stands still within a step, so one tick at most is new.
    pub(super) fn check_ticks(&mut self) {
        let last = self.last_tick();
        assert!(last >= self.ticks.last, "{last} after {:?}", self.ticks);
        let due = u32::from(last > self.ticks.last && self.ticks.last > 0);
        assert_eq!(self.ticks.made, due, "{last} after {:?}", self.ticks);
        self.ticks = KnownTicks { last, made: 0 };
    }

    /// After everything that can begin has begun: no tick that is past is to be made.
    pub(super) fn check_no_tick_is_late(&self) {
        let now = self.worker.now.wall_ms;
        let latest = now - now % EVERY_MS;
        assert!(!self.deployed || self.last_tick() >= latest, "the tick at {latest} is late");
    }

    fn last_tick(&self) -> u64 {
        let mut last = 0;
        let each = &mut |_: &[u8], value: &[u8]| {
            last = protocol::body_from_slice("tick", value).expect("readable");
            ControlFlow::Continue(())
        };
        self.worker.ledger.read().facts(TICK, each).expect("readable");
        last
    }
}
