//! Signals that ask processes to end, where all of a worker's get them: from a terminal, a container's
//! runtime, `KillMode=control-group`. They are the supervisor's business, which lets calls finish and
//! then ends its processes by other means, so here they do nothing. They are handled, not ignored: what
//! is ignored stays so in every program that PHP code starts.
//!
//! Unsafe for `sigaction`, `signal` and `kill`. Contract: the handler calls what is async-signal-safe,
//! and touches one atomic.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use rustix::process::getpid;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// The executor; 0 in the prototype, which runs no code that forks.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// From now on this process, and what it forks, outlasts them.
pub(crate) fn outlast() -> Result<()> {
    let handler: extern "C" fn(i32) = handle;
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: `handle` keeps to the contract above.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigemptyset(&mut action.sa_mask);
            if libc::sigaction(signal, &action, ptr::null_mut()) == -1 {
                return Err(io::Error::last_os_error()).context("sigaction");
            }
        }
    }
    Ok(())
}

/// In an executor: what PHP code forks from now on ends by them, as any other process does.
pub(super) fn end_children() {
    OWNER.store(getpid().as_raw_pid(), Ordering::Relaxed);
}

extern "C" fn handle(signal: i32) {
    let (owner, this) = (OWNER.load(Ordering::Relaxed), getpid().as_raw_pid());
    // By its number, because the signal may come before anything else has run in a new child.
    if owner != 0 && owner != this {
        // SAFETY: async-signal-safe. The signal comes again when this handler has returned.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::kill(this, signal);
        }
    }
}
