//! A child that PHP code forked inherits our sockets and our place in the loop. It must never touch
//! them: whenever PHP code may have run, and before anything is written, the loop asks here which
//! process it is.
//!
//! Unsafe for `pthread_atfork` and `_exit`. Contract: the handler stores to two atomics, and closes the
//! one descriptor by which the worker's next life would wait for a stranger.
#![allow(unsafe_code)]

use anyhow::{Result, bail};
use std::sync::atomic::{AtomicBool, Ordering};

static FORKED: AtomicBool = AtomicBool::new(false);

/// From now on a fork makes a stranger.
pub(super) fn install() -> Result<()> {
    FORKED.store(false, Ordering::Relaxed);
    // SAFETY: the handler is async-signal-safe and never unloaded.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        error => bail!("pthread_atfork: error {error}"),
    }
}

extern "C" fn in_child() {
    FORKED.store(true, Ordering::Relaxed);
    crate::descriptors::give_life_up();
}

/// Whether this process is a child that PHP code made.
pub(super) fn is_stranger() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Ends such a child, in silence.
pub(super) fn leave_if_stranger() {
    if is_stranger() {
        leave(0);
    }
}

/// Ends the process at once: no destructor, no `atexit`, nothing of the prototype's.
pub(super) fn leave(status: i32) -> ! {
    // SAFETY: does not return.
    unsafe { libc::_exit(status) }
}
