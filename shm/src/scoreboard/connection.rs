//! Whose the connection is that a cell names.

use super::call::Running;
use super::cell::Cell;
use super::state::State;
use std::sync::atomic::Ordering;

impl Cell {
    /// Executor: a connection was named by epoll and is about to be read.
    pub fn reading(&self, connection: u64) {
        // Release, as everywhere after `finish`: what is stored now must not be seen with the old `seq`.
        self.connection.store(connection, Ordering::Release);
        self.state.store(State::Reading as u32, Ordering::Release);
    }

    /// Executor, before it re-arms its connection or after it closed it: it holds none. A name left
    /// behind would hide a connection that another executor took and died with.
    pub fn released(&self) {
        self.connection.store(0, Ordering::Release);
    }

    /// Executor, when the request of an answered call is closed and before [`Self::finish`]: whether
    /// the connection is still its own. If not, it must neither read, re-arm nor close it.
    pub fn keep_connection(&self) -> bool {
        let seq = self.seq.load(Ordering::Relaxed);
        // Relaxed where it fails: a connection that was lost is not touched, so nothing is ordered.
        let kept = self.owner.compare_exchange(seq, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if !kept {
            self.released();
        }
        kept
    }

    /// Supervisor: takes the connection of the answered call `call`, for others to use; false when its
    /// executor came first.
    ///
    /// `owner` holds the `seq` of the last answered call from its answer until one side exchanges it:
    /// the executor for 0, the supervisor for `seq + 1`. It is one word and no `seq` comes twice, so
    /// exactly one of them wins, and a view that has grown old wins nothing: not even when the
    /// executor serves the same connection again. The winner's Acquire meets the Release of
    /// [`Self::answered`]: whatever the executor did with the connection in this call came before
    /// whatever the winner does with it.
    pub fn take_connection(&self, call: &Running) -> bool {
        let taken = call.seq + 1;
        self.owner.compare_exchange(call.seq, taken, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::Scoreboard;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_connection_that_was_given_back_is_named_no_more() {
        let (_file, board) = Scoreboard::create(1, 0).unwrap();
        board.cell(0).reading(7);
        board.cell(0).released();
        assert_eq!(board.cell(0).remains().connection, 0);
    }

    #[test]
    fn an_answered_call_s_connection_goes_to_whoever_comes_first() {
        let (file, ours) = Scoreboard::create(1, 0).unwrap();
        let theirs = Scoreboard::open(&file, 1, 0).unwrap();
        let (ours, theirs) = (ours.cell(0), theirs.cell(0));
        let serve = || {
            theirs.reading(7);
            theirs.begin(0, 1, 0, 0);
            let call = ours.running().unwrap();
            assert!(!ours.take_connection(&call), "it is not answered");
            theirs.answered();
            call
        };
        let first = serve();
        assert!(theirs.keep_connection());
        assert!(!ours.take_connection(&first));
        theirs.finish(false);

        let second = serve();
        assert!(!ours.take_connection(&first), "a view of an older call takes nothing");
        assert!(ours.take_connection(&second));
        assert_eq!(ours.running().unwrap().connection, 0);
        assert!(!theirs.keep_connection());
        theirs.finish(false);
        theirs.reading(8);
        assert_eq!(ours.remains().connection, 8, "what is read next is its own again");
    }

    #[test]
    fn of_two_that_want_an_answered_call_s_connection_exactly_one_gets_it() {
        let (file, ours) = Scoreboard::create(1, 0).unwrap();
        let theirs = Scoreboard::open(&file, 1, 0).unwrap();
        let (asked, ask) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| {
                let cell = ours.cell(0);
                let mut taken = 0;
                for round in 1..=10_000 {
                    while ask.load(Ordering::Acquire) < round {
                        std::thread::yield_now();
                    }
                    taken +=
                        u32::from(cell.running().is_some_and(|call| cell.take_connection(&call)));
                    asked.store(round, Ordering::Release);
                }
                taken
            });
            let cell = theirs.cell(0);
            let mut kept = 0;
            for round in 1..=10_000 {
                cell.reading(7);
                cell.begin(0, round, 0, 0);
                cell.answered();
                ask.store(round, Ordering::Release);
                kept += u32::from(cell.keep_connection());
                while asked.load(Ordering::Acquire) < round {
                    std::thread::yield_now();
                }
                cell.finish(false);
            }
            assert_eq!(supervisor.join().unwrap() + kept, 10_000);
        });
    }
}
