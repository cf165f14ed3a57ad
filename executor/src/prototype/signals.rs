//! SIGCHLD as a descriptor.
//!
//! Unsafe for the calls that rustix does not have. Contract: none of them touches memory but the
//! signal sets on the stack.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use rustix::fd::{FromRawFd, OwnedFd};
use std::io;
use std::mem::MaybeUninit;

/// Blocks SIGCHLD and returns a descriptor that is readable when a child has ended, or was stopped.
pub(super) fn child_ended() -> Result<OwnedFd> {
    let set = only_sigchld();
    // SAFETY: the set is initialised; a fresh descriptor is ours to own.
    unsafe {
        if libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) == -1 {
            return Err(io::Error::last_os_error()).context("sigprocmask");
        }
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()).context("signalfd"),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// In a child: SIGCHLD as it was, because PHP code may have children of its own.
pub(super) fn unblock_child_ended() {
    let set = only_sigchld();
    // SAFETY: the set is initialised.
    unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) };
}

fn only_sigchld() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        set.assume_init()
    }
}
