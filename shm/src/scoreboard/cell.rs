//! An executor's cell, and the life of the process in it.
//!
//! One writer a field: the executor writes the first cache line, the supervisor the second, but for what
//! is said there. The supervisor reads a cell as a seqlock on `seq`: odd while a call is on, even
//! between calls.

use super::state::State;
use crate::page::shared;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

shared! {
    /// An executor's cell: two cache lines.
    #[derive(Debug)]
    #[repr(align(64))]
    pub struct Cell {
        pub(super) state: AtomicU32,
        pub(super) function: AtomicU32,
        pub(super) seq: AtomicU64,
        pub(super) connection: AtomicU64,
        pub(super) request_id: AtomicU64,
        pub(super) started_ns: AtomicU64,
        pub(super) deadline_ns: AtomicU64,
        pub(super) calls: AtomicU64,
        pub(super) errors: AtomicU64,
        // Second line: written by the supervisor, but for `ready_ns`, `owner` and `passed`.
        pub(super) stop: AtomicU32,
        pub(super) pid: AtomicU32,
        /// `Command` in the lowest two bits, above them the call's `seq`: one word, so that a command is
        /// never taken for another call's.
        pub(super) interruption: AtomicU64,
        pub(super) ready_ns: AtomicU64,
        /// Whose an answered call's connection is, by the call's `seq`: see [`Cell::take_connection`].
        /// Written by both sides.
        pub(super) owner: AtomicU64,
        /// Written by the executor: the last retirement of its pool that it saw while it held nothing.
        pub(super) passed: AtomicU32,
        unused: [AtomicU32; 7],
    }
}

const _: () = assert!(size_of::<Cell>() == 128);

impl Cell {
    /// Supervisor: a new process takes this cell. Counters of the last one are forgotten.
    pub fn assign(&self) {
        let seq = self.seq.load(Ordering::Relaxed);
        self.seq.store(seq + (seq & 1), Ordering::Relaxed);
        for field in [&self.connection, &self.request_id, &self.started_ns, &self.deadline_ns] {
            field.store(0, Ordering::Relaxed);
        }
        self.ready_ns.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Relaxed);
        self.passed.store(0, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.errors.store(0, Ordering::Relaxed);
        self.pid.store(0, Ordering::Relaxed);
        self.interruption.store(0, Ordering::Relaxed);
        self.stop.store(0, Ordering::Relaxed);
        self.state.store(State::Starting as u32, Ordering::Release);
    }

    /// Supervisor: the process in this cell is gone.
    pub fn clear(&self) {
        self.state.store(State::Empty as u32, Ordering::Release);
    }

    /// Supervisor: notes the process in this cell.
    pub fn set_pid(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
    }

    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    pub fn state(&self) -> State {
        State::from_u32(self.state.load(Ordering::Acquire))
    }

    /// Executor: has started, and waits for its first connection since then.
    pub fn ready(&self, now_ns: u64) {
        self.ready_ns.store(now_ns, Ordering::Relaxed);
        self.idle();
    }

    /// Supervisor: when the process in this cell was ready, by CLOCK_MONOTONIC, once it is.
    pub fn ready_ns(&self) -> Option<u64> {
        Some(self.ready_ns.load(Ordering::Relaxed)).filter(|time| *time != 0)
    }

    /// Executor: runs the files that each request requires, which may hang. Until the process is ready
    /// its state stays Starting.
    pub fn prepare(&self, now_ns: u64) {
        let state = if self.ready_ns().is_some() { State::Preparing } else { State::Starting };
        self.started_ns.store(now_ns, Ordering::Release);
        self.state.store(state as u32, Ordering::Release);
    }

    /// Supervisor: since when the executor has run them, if it does.
    pub fn preparing_since_ns(&self) -> Option<u64> {
        let prepares = matches!(self.state(), State::Starting | State::Preparing);
        // A time that is younger than the state belongs to a call that has begun since.
        prepares.then(|| self.started_ns.load(Ordering::Relaxed)).filter(|time| *time != 0)
    }

    /// Executor: waits for a connection.
    pub fn idle(&self) {
        self.state.store(State::Idle as u32, Ordering::Release);
    }

    /// Executor, while it holds no connection that epoll may have named before the given retirement of
    /// its pool.
    pub fn pass(&self, retirement: u32) {
        self.passed.store(retirement, Ordering::Release);
    }

    /// Supervisor: the last retirement that the executor has passed.
    pub fn passed(&self) -> u32 {
        self.passed.load(Ordering::Acquire)
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scoreboard;

    #[test]
    fn a_new_process_in_a_cell_is_ready_when_it_says_so() {
        let (_file, board) = Scoreboard::create(1, 0).unwrap();
        let cell = board.cell(0);
        cell.assign();
        assert_eq!((cell.state(), cell.ready_ns()), (State::Starting, None));
        cell.ready(7);
        assert_eq!((cell.state(), cell.ready_ns()), (State::Idle, Some(7)));
        cell.assign();
        assert_eq!(cell.ready_ns(), None);
    }

    #[test]
    fn files_of_a_request_run_in_a_process_that_starts_or_between_calls() {
        let (_file, board) = Scoreboard::create(1, 0).unwrap();
        let cell = board.cell(0);
        cell.assign();
        assert_eq!(cell.preparing_since_ns(), None, "it was only asked for");
        cell.prepare(5);
        assert_eq!((cell.state(), cell.preparing_since_ns()), (State::Starting, Some(5)));
        cell.ready(7);
        assert_eq!(cell.preparing_since_ns(), None);
        cell.prepare(9);
        assert_eq!((cell.state(), cell.preparing_since_ns()), (State::Preparing, Some(9)));
    }
}
