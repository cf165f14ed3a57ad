//! A call, from its beginning to its end, as its executor writes it and the supervisor reads it.

use super::cell::Cell;
use super::state::State;
use std::sync::atomic::{Ordering, fence};

/// A call in flight, as read from a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    pub state: State,
    pub seq: u64,
    pub function: u32,
    /// 0 = none, or the supervisor has taken it.
    pub connection: u64,
    pub request_id: u64,
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub started_ns: u64,
    /// 0 = no deadline.
    pub deadline_ns: u64,
}

impl Cell {
    /// Executor: a call begins. Returns its `seq`.
    pub fn begin(&self, function: u32, request_id: u64, started_ns: u64, deadline_ns: u64) -> u64 {
        let seq = self.seq.load(Ordering::Relaxed) + 1;
        // Whoever sees a field of this call sees that the last one has finished.
        fence(Ordering::Release);
        self.function.store(function, Ordering::Relaxed);
        self.request_id.store(request_id, Ordering::Relaxed);
        self.started_ns.store(started_ns, Ordering::Relaxed);
        self.deadline_ns.store(deadline_ns, Ordering::Relaxed);
        self.seq.store(seq, Ordering::Release);
        self.state.store(State::Running as u32, Ordering::Release);
        seq
    }

    /// Executor: the call that was begun does not run here after all.
    pub fn withdraw(&self) {
        let seq = self.seq.load(Ordering::Relaxed);
        self.state.store(State::Reading as u32, Ordering::Release);
        self.seq.store(seq + (seq & 1), Ordering::Release);
    }

    /// Executor: the first byte of the answer is about to be written.
    pub fn replying(&self) {
        self.state.store(State::Replying as u32, Ordering::Release);
    }

    /// Executor: the last byte of the answer was written. Its request is still to be closed, which may
    /// take long; meanwhile the supervisor may take the connection.
    pub fn answered(&self) {
        self.owner.store(self.seq.load(Ordering::Relaxed), Ordering::Release);
        self.state.store(State::Answered as u32, Ordering::Release);
    }

    /// Executor: the answer is out, or there is none.
    pub fn finish(&self, failed: bool) {
        self.calls.store(self.calls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if failed {
            self.errors.store(self.errors.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        let seq = self.seq.load(Ordering::Relaxed);
        self.seq.store(seq + (seq & 1), Ordering::Release);
    }

    /// Executor, in its signal handler: `seq` of the current call; even between calls.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// Executor, in its signal handler: the deadline of the current call, 0 = none.
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns.load(Ordering::Relaxed)
    }

    /// Supervisor: a consistent view of the call in flight, if there is one now.
    pub fn running(&self) -> Option<Running> {
        let seq = self.seq.load(Ordering::Acquire);
        let view = self.view(seq);
        fence(Ordering::Acquire);
        let unchanged = self.seq.load(Ordering::Relaxed) == seq;
        (seq & 1 == 1 && unchanged).then_some(view)
    }

    /// Supervisor, of a process that has died: what it left behind, even half-written. Meaningful
    /// fields depend on `state`: `connection` from Reading on, the rest from Running on.
    pub fn remains(&self) -> Running {
        self.view(self.seq.load(Ordering::Acquire))
    }

    fn view(&self, seq: u64) -> Running {
        // Between calls the executor has taken the name out itself.
        let taken = seq & 1 == 1 && self.owner.load(Ordering::Relaxed) == seq + 1;
        Running {
            state: self.state(),
            seq,
            function: self.function.load(Ordering::Relaxed),
            connection: if taken { 0 } else { self.connection.load(Ordering::Relaxed) },
            request_id: self.request_id.load(Ordering::Relaxed),
            started_ns: self.started_ns.load(Ordering::Relaxed),
            deadline_ns: self.deadline_ns.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Scoreboard;

    #[test]
    fn a_call_is_seen_from_begin_to_finish_through_another_mapping() {
        let (file, ours) = Scoreboard::create(2, 3).unwrap();
        let theirs = Scoreboard::open(&file, 2, 3).unwrap();
        ours.cell(1).assign();
        theirs.cell(1).reading(7);
        assert_eq!(ours.cell(1).running(), None);
        assert_eq!(ours.cell(1).remains().connection, 7);
        let seq = theirs.cell(1).begin(2, 99, 10, 20);
        let running = ours.cell(1).running().unwrap();
        assert_eq!((running.request_id, running.function, running.seq), (99, 2, seq));
        assert_eq!(running.deadline_ns, 20);
        theirs.cell(1).finish(true);
        assert_eq!(ours.cell(1).running(), None);
        assert_eq!((ours.cell(1).calls(), ours.cell(1).errors()), (1, 1));
    }
}
