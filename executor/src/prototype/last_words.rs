//! PHP ends the process by itself when preloading fails in certain ways. Then the reason, which it
//! has logged, must still reach whoever waits for this process.
//!
//! Unsafe for `atexit` and raw descriptors. Contract: the descriptor armed with stays open until
//! [`disarm`] or the process's end.
#![allow(unsafe_code)]

use super::forked::FAILED;
use protocol::{FromPrototype, body_to_vec};
use rustix::fd::{BorrowedFd, RawFd};
use rustix::process::{Pid, getpid};
use std::sync::{Mutex, Once, PoisonError};

/// Where the reason goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum LastWords {
    /// The pipe of a forked child.
    Pipe(RawFd),
    /// The supervisor's control socket.
    Control(RawFd),
}

/// With the process that armed: OPcache preloads in a child of its own if it is to do so as another
/// user, and that child ends by `exit` too.
static ARMED: Mutex<Option<(Pid, LastWords)>> = Mutex::new(None);
static REGISTERED: Once = Once::new();

pub(super) fn arm(words: LastWords) {
    REGISTERED.call_once(|| {
        // SAFETY: a plain function that neither panics nor unwinds.
        unsafe { libc::atexit(speak) };
    });
    *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = Some((getpid(), words));
}

pub(super) fn disarm() {
    *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

extern "C" fn speak() {
    let Ok(mut armed) = ARMED.lock() else { return };
    let Some((_, words)) = armed.take().filter(|(pid, _)| *pid == getpid()) else { return };
    let message = reason();
    let (fd, bytes) = match words {
        LastWords::Pipe(fd) => (fd, [&[FAILED], message.as_bytes()].concat()),
        LastWords::Control(fd) => (fd, body_to_vec(&FromPrototype::Failed { message })),
    };
    // SAFETY: open by this module's contract.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    // The process ends in any case.
    let _ = rustix::io::write(fd, &bytes);
}

fn reason() -> String {
    let lines: Vec<String> = embed::take_log().into_iter().map(|line| line.text).collect();
    if lines.is_empty() {
        return "PHP ended the process while it started, without a word".to_owned();
    }
    lines.join("; ")
}
