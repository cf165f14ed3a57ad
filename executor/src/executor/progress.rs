//! What a job says of its progress while it runs: frames on its call's connection, before the answer.
//!
//! The code of the application decides how often it speaks; what it says too fast is held back, and the
//! last of it leaves with the answer. `appserver.so` calls [`report`] from within PHP code, so nothing is
//! borrowed here across a call into PHP, and a child that PHP code forked says nothing.

use super::accept::Call;
use super::clock::{NS_PER_MS, now_ns};
use super::fork_guard;
use protocol::{Header, Kind, Progress, control_frame};
use rustix::fd::BorrowedFd;
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use std::cell::RefCell;

/// Between two reports, in the long run.
const PAUSE_NS: u64 = 50 * NS_PER_MS;
/// How much of that may be saved up, so that the first reports of a job leave at once.
const SAVED_NS: u64 = 1_000 * NS_PER_MS;

thread_local! {
    static REPORTER: RefCell<Option<Reporter>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct Reporter {
    fd: BorrowedFd<'static>,
    header: Header,
    pace: Pace,
    /// The last report, if it was held back.
    held: Option<Vec<u8>>,
}

/// A job's call begins on the connection.
pub(super) fn begin(call: &Call<'_>, fd: BorrowedFd<'static>) {
    let mut header = Header::new(Kind::Progress, call.header.request_id);
    header.trace = call.header.trace;
    REPORTER.set(Some(Reporter { fd, header, pace: Pace::default(), held: None }));
}

/// The call has ended: the report that has not left yet.
pub(super) fn end() -> Option<Vec<u8>> {
    REPORTER.take()?.held
}

/// The running job says how far it has come.
pub(crate) fn report(done: u64, total: u64, message: String) {
    if fork_guard::is_stranger() {
        return;
    }
    REPORTER.with_borrow_mut(|reporter| {
        if let Some(reporter) = reporter {
            reporter.take(&Progress { done, total, message }, now_ns());
        }
    });
}

impl Reporter {
    fn take(&mut self, progress: &Progress, now_ns: u64) {
        let frame = control_frame(self.header, progress);
        self.held = match self.pace.allows(now_ns) && leaves(self.fd, &frame) {
            true => None,
            false => Some(frame),
        };
    }
}

/// Whether the frame is out. A stream of this host takes one of its size whole or not at all; were it
/// ever cut, nobody could read on, so the connection ends.
fn leaves(fd: BorrowedFd<'_>, frame: &[u8]) -> bool {
    match send(fd, frame, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        Ok(sent) if sent == frame.len() => true,
        Ok(_) => {
            let _ = shutdown(fd, Shutdown::Both);
            true
        }
        // The answer finds out what is wrong.
        Err(_) => false,
    }
}

/// Lets through what comes at a pace, counted by when the next one is due (GCRA, ITU-T I.371).
#[derive(Debug, Default)]
struct Pace {
    due_ns: u64,
}

impl Pace {
    fn allows(&mut self, now_ns: u64) -> bool {
        if self.due_ns > now_ns + SAVED_NS {
            return false;
        }
        self.due_ns = self.due_ns.max(now_ns) + PAUSE_NS;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_and_then_one_in_each_pause() {
        let mut pace = Pace::default();
        let begun = 1_000_000_000;
        let burst = (0..1000).filter(|_| pace.allows(begun)).count();
        assert_eq!(burst, 21);
        let second = (1..=1000).filter(|ms| pace.allows(begun + ms * NS_PER_MS)).count();
        assert_eq!(second, 20);
    }
}
