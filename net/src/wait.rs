//! Waiting for sockets with a deadline.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// At least one socket is ready, or broken: the next read or write tells.
    Yes,
    /// The deadline passed.
    TimedOut,
    /// A signal came: PHP may want to handle it before the wait goes on.
    Interrupted,
}

/// A socket to wait for, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'fd> {
    pub fd: BorrowedFd<'fd>,
    pub write: bool,
}

/// Waits until `socket` is ready or `until` has passed; `None` = for ever.
pub fn wait(socket: Waiting<'_>, until: Option<Instant>) -> Ready {
    poll_all(&mut [entry(socket)], until)
}

/// As [`wait`], for the first of several.
pub fn wait_any(sockets: &[Waiting<'_>], until: Option<Instant>) -> Ready {
    let mut entries: Vec<PollFd<'_>> = sockets.iter().map(|socket| entry(*socket)).collect();
    poll_all(&mut entries, until)
}

fn entry(socket: Waiting<'_>) -> PollFd<'_> {
    let events = if socket.write { PollFlags::OUT | PollFlags::IN } else { PollFlags::IN };
    PollFd::from_borrowed_fd(socket.fd, events)
}

fn poll_all(entries: &mut [PollFd<'_>], until: Option<Instant>) -> Ready {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    match poll(entries, left.map(timespec).as_ref()) {
        Ok(0) => Ready::TimedOut,
        Err(Errno::INTR) => Ready::Interrupted,
        // A descriptor that poll refuses is reported by the next read or write on it.
        Ok(_) | Err(_) => Ready::Yes,
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
