//! The periodic look at busy pools: time limits, growth, shrinking. While everything is idle there
//! is no timer at all; the executor that begins a call then says so.

use super::connections::{ConnectionId, Connections};
use super::executor::{Executor, Interruption};
use super::key::PoolKey;
use super::pool::Pool;
use super::status::{monotonic_ns, resident_bytes};
use super::supervisor::{Phase, Supervisor};
use shm::{Cell, Command, State};
use std::future::pending;
use std::time::{Duration, Instant};

/// From one look to the next. A time limit is noticed this late at worst.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Looks without a call before the supervisor sleeps: short gaps between calls do not cost a wake-up
/// each.
const QUIET_LOOKS: u32 = 20;
/// Looks in a row with waiting requests before the pool grows.
const STARVED_LOOKS: u32 = 2;
/// When executors finish more calls than this each between two looks, the calls are short, and the
/// queue moves on by itself: another executor would only compete for the same CPUs.
const SHORT_CALLS: u64 = 5;
/// Looks between two checks of memory, which read a file each.
const MEMORY_LOOKS: u64 = 200;
/// Looks between two checks whether the callers of long calls are still there.
const CALLER_LOOKS: u64 = 100;
/// How long an idle executor may take to leave when it is asked to.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Ends when it is time to look; never, while all is idle.
    pub(super) async fn next_look(&self) {
        let draining = match self.phase {
            Phase::Draining { until } => Some(until),
            _ => None,
        };
        let pools = || self.releases.values().flat_map(|deployed| deployed.pools.values());
        let next = match pools().any(|pool| pool.watch.on) {
            true => Some(self.looked + LOOK_EVERY),
            false => pools().filter_map(|pool| pool.watch.shrink_at).chain(draining).min(),
        };
        match next {
            Some(next) => tokio::time::sleep_until(next.into()).await,
            None => pending().await,
        }
    }

    /// Looks at every pool.
    pub(super) fn look(&mut self) {
        self.looked = Instant::now();
        self.looks += 1;
        let mut starved = Vec::new();
        let mut answered = Vec::new();
        self.end_unprepared();
        for pool in self.releases.values_mut().flat_map(|deployed| deployed.pools.values_mut()) {
            pool.end_cancelled(&self.connections, self.looked);
            answered.extend(pool.take_answered());
            pool.look(self.looked, self.looks);
            if pool.watch.starved >= STARVED_LOOKS {
                pool.watch.starved = 0;
                pool.wanted = (pool.wanted + 1).min(pool.limits.max);
                starved.push(pool.key.clone());
            }
        }
        for pool in &starved {
            self.fill(pool);
        }
        answered.into_iter().for_each(|id| self.place(id));
        if self.looks.is_multiple_of(CALLER_LOOKS) {
            self.note_absent_callers();
        }
        self.check_drained();
    }

    pub(super) fn on_busy(&mut self, key: &PoolKey) {
        if let Some(pool) = self.pool_mut(key) {
            pool.watch.on = true;
            pool.watch.quiet = 0;
        }
    }
}

impl Pool {
    fn look(&mut self, now: Instant, looks: u64) {
        if self.watch.on {
            let grace = Duration::from_millis(self.limits.grace_ms);
            let now_ns = monotonic_ns();
            for (executor, cell) in self.executors.iter_mut().zip(self.scoreboard.cells()) {
                if let Some(executor) = executor {
                    hold_to_limit(executor, cell, now, now_ns, grace);
                }
            }
            let finished = self.note_load();
            self.end_stalled(now, finished);
            if looks.is_multiple_of(MEMORY_LOOKS) || self.watch.quiet == QUIET_LOOKS {
                self.replace_the_large(now);
            }
            self.sleep_if_quiet();
        }
        self.shrink(now);
    }

    /// Ends calls that their callers gave up before they began.
    fn end_cancelled(&mut self, connections: &Connections, now: Instant) {
        for (executor, cell) in self.executors.iter_mut().zip(self.scoreboard.cells()) {
            let (Some(executor), Some(call)) = (executor, cell.running()) else {
                continue;
            };
            if connections.is_cancelled(ConnectionId::from_u64(call.connection), call.request_id) {
                executor.ask_to_end(cell, call.seq, Command::Cancel, now);
            }
        }
    }

    /// Growth: requests wait, nobody is free, and more executors would help. Returns how many calls have
    /// ended since the last look.
    fn note_load(&mut self) -> u64 {
        let calls = self.scoreboard.cells().map(|cell| cell.calls()).sum();
        let finished = u64::saturating_sub(calls, self.watch.calls);
        self.watch.calls = calls;
        let (staying, busy) = (self.staying(), self.busy());
        let all_busy = busy >= staying && staying == usize::from(self.wanted);
        let long_calls = finished <= SHORT_CALLS * staying as u64;
        let starved = all_busy && long_calls && self.requests_wait();
        self.watch.starved = if starved { self.watch.starved + 1 } else { 0 };
        self.watch.busy_peak = self.watch.busy_peak.max(u16::try_from(busy).unwrap_or(u16::MAX));
        let quiet = busy == 0 && finished == 0;
        self.watch.quiet = if quiet { self.watch.quiet + 1 } else { 0 };
        finished
    }

    fn sleep_if_quiet(&mut self) {
        let leaving = self.executors.iter().flatten().any(|executor| executor.leaving.is_some());
        let needed = leaving || self.prepares() || self.may_be_stalled();
        if self.watch.quiet < QUIET_LOOKS || needed {
            return;
        }
        self.scoreboard.stop_watching();
        if self.busy() > 0 || self.prepares() {
            self.scoreboard.watch();
            self.watch.quiet = 0;
        } else {
            self.watch.on = false;
        }
    }

    /// After `idle_timeout_ms` with more executors than the minimum, those beyond what was needed
    /// at any time meanwhile leave.
    fn shrink(&mut self, now: Instant) {
        let staying = self.staying();
        if staying <= usize::from(self.limits.min) {
            self.watch.shrink_at = None;
            return;
        }
        let idle_timeout = Duration::from_millis(self.limits.idle_timeout_ms);
        let at = *self.watch.shrink_at.get_or_insert(now + idle_timeout);
        if now < at {
            return;
        }
        let target = self.watch.busy_peak.max(self.limits.min);
        let idle = |index: usize| self.scoreboard.cell(index).state() == State::Idle;
        let surplus = staying.saturating_sub(usize::from(target));
        let leaving: Vec<usize> = (0..self.executors.len())
            .rev()
            .filter(|index| {
                let stays = |executor: &Executor| executor.leaving.is_none();
                self.executors[*index].as_ref().is_some_and(stays) && idle(*index)
            })
            .take(surplus)
            .collect();
        self.wanted = target;
        for index in leaving {
            self.ask_to_leave(index, now);
            self.watch.on = true;
        }
        self.watch.busy_peak = 0;
        self.watch.shrink_at = Some(now + idle_timeout);
    }

    /// One at a time, because the others serve meanwhile, and only after it has worked: one that is
    /// too large from the start would be replaced by its like.
    fn replace_the_large(&mut self, now: Instant) {
        let max = self.limits.memory_bytes_max;
        let large = |(executor, cell): (&Option<Executor>, &Cell)| {
            let stays = executor.as_ref().filter(|executor| executor.leaving.is_none());
            stays.is_some_and(|stays| cell.calls() > 0 && resident_bytes(stays.pid) > max)
        };
        if max == 0 {
            return;
        }
        let found = self.executors.iter().zip(self.scoreboard.cells()).position(large);
        if let Some(index) = found {
            self.ask_to_leave(index, now);
        }
    }

    /// Asks the running call named by connection and request to end; whether it was found.
    pub(super) fn cancel(&mut self, connection: u64, request_id: u64) -> bool {
        for (executor, cell) in self.executors.iter_mut().zip(self.scoreboard.cells()) {
            let (Some(executor), Some(call)) = (executor, cell.running()) else {
                continue;
            };
            if (call.connection, call.request_id) == (connection, request_id) {
                executor.ask_to_end(cell, call.seq, Command::Cancel, Instant::now());
                self.watch.on = true;
                self.watch.quiet = 0;
                return true;
            }
        }
        false
    }
}

impl Executor {
    /// The first step of the ladder; a call that is already asked to end is not asked again.
    fn ask_to_end(&mut self, cell: &Cell, seq: u64, cause: Command, now: Instant) {
        if self.interruption.is_none_or(|interruption| interruption.seq != seq) {
            self.interruption = Some(Interruption { seq, cause, since: now, killed: false });
            cell.ask(cause, seq);
            self.interrupt();
        }
    }
}

/// The ladder: past its deadline a call is asked to end; after the grace its executor is killed.
fn hold_to_limit(executor: &mut Executor, cell: &Cell, now: Instant, now_ns: u64, grace: Duration) {
    let Some(call) = cell.running() else {
        return hold_to_leaving(executor, cell, now);
    };
    match &mut executor.interruption {
        Some(asked) if asked.seq == call.seq => {
            if asked.killed {
                return;
            }
            asked.killed = now.duration_since(asked.since) >= grace;
            if asked.killed {
                executor.killed_because =
                    Some("its call did not end within executors.grace_ms when asked to");
                executor.kill();
            } else {
                // Again: the first may have come just before a blocking system call.
                executor.interrupt();
            }
        }
        _ if call.deadline_ns != 0 && now_ns >= call.deadline_ns => {
            executor.ask_to_end(cell, call.seq, Command::TimeOut, now);
        }
        _ => {}
    }
}

/// An idle executor that was asked to leave does so at once, or is ended.
fn hold_to_leaving(executor: &Executor, cell: &Cell, now: Instant) {
    let Some(since) = executor.leaving.filter(|_| cell.state() == State::Idle) else {
        return;
    };
    if now.duration_since(since) > LEAVE_WITHIN {
        executor.kill();
    } else {
        executor.interrupt();
    }
}
