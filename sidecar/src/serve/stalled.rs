//! Executors that have no call and do not move: stopped by a signal, held by a debugger or a freezer. No
//! time limit of a call holds there, and what waits for them would wait for ever.
//!
//! A prototype hears of each of its executors that a signal stops, and says so: until then nothing looks
//! at a pool in which nothing runs.

use super::executor::Executor;
use super::key::PoolKey;
use super::pool::Pool;
use super::supervisor::Supervisor;
use shm::{Cell, State};
use std::time::{Duration, Instant};

/// An idle executor takes what waits within microseconds of getting a processor, and one that was stopped
/// by mistake is let go on soon.
const MOVES_WITHIN: Duration = Duration::from_millis(500);

impl Supervisor {
    pub(super) fn on_executor_stopped(&mut self, key: &PoolKey, index: u16, pid: u32) {
        let executors = self.pool_mut(key).map(|pool| &mut pool.executors);
        let executor = executors.and_then(|all| all.get_mut(usize::from(index))?.as_mut());
        if let Some(executor) = executor.filter(|executor| executor.pid == pid) {
            executor.stopped = Some(Instant::now());
            self.on_busy(key);
        }
    }
}

impl Pool {
    /// Kills those that do not move; `finished` calls have ended since the last look.
    pub(super) fn end_stalled(&mut self, now: Instant, finished: u64) {
        self.end_stopped(now);
        let waits = finished == 0 && self.idle().next().is_some() && self.requests_wait();
        if !waits {
            self.watch.stalled = None;
        } else if is_over(*self.watch.stalled.get_or_insert(now), now) {
            self.watch.stalled = None;
            // One that could run waits for a processor alone.
            for executor in self.idle().filter(|executor| process_state(executor.pid) != 'R') {
                executor.end("killed: it was idle, and did not take the requests that waited");
            }
        }
    }

    fn end_stopped(&mut self, now: Instant) {
        for (executor, cell) in self.occupied() {
            // Its call has a limit of its own.
            let on = cell.running().is_some();
            if on || !executor.stopped.is_some_and(|since| is_over(since, now)) {
                continue;
            }
            executor.stopped = None;
            if process_state(executor.pid) == 'T' {
                executor.end("killed: a signal had stopped it while it had no call");
            }
        }
    }

    fn idle(&mut self) -> impl Iterator<Item = &mut Executor> {
        let idle = self.occupied().filter(|(_, cell)| cell.state() == State::Idle);
        idle.map(|(executor, _)| executor)
    }

    /// Whether it is to be looked at although nothing runs.
    pub(super) fn may_be_stalled(&self) -> bool {
        let stopped = |executor: &Executor| executor.stopped.is_some();
        self.watch.stalled.is_some() || self.executors.iter().flatten().any(stopped)
    }

    /// Processes, and their cells.
    fn occupied(&mut self) -> impl Iterator<Item = (&mut Executor, &Cell)> {
        let all = self.executors.iter_mut().zip(self.scoreboard.cells());
        let forked = all.filter_map(|(executor, cell)| Some((executor.as_mut()?, cell)));
        forked.filter(|(executor, _)| executor.pid != 0)
    }
}

impl Executor {
    fn end(&mut self, because: &'static str) {
        self.killed_because.get_or_insert(because);
        self.kill();
    }
}

fn is_over(since: Instant, now: Instant) -> bool {
    now.duration_since(since) >= MOVES_WITHIN
}

/// As the kernel has it: R for one that runs or waits for nothing but a processor, T for one that a signal
/// has stopped.
pub(super) fn process_state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // It follows the command's closing parenthesis.
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or(' ')
}
