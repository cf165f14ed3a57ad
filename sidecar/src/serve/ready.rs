//! Readiness of a descriptor as tokio reports it: why `unsafe` is allowed here.
//!
//! Contract of `AsyncFd::register_with_interest`: the descriptor stays open, and the same, for as long
//! as it is registered. An `OwnedFd` that nobody can reach but through a shared reference does.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers `fd`, which does not block, with the runtime.
pub(super) fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the AsyncFd owns the descriptor, and no code here takes a mutable reference to it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
