//! Descriptors by number: those inherited from the supervisor, and a connection's fixed number.
//!
//! Contract: a number is taken once. Connections live at `fd_base + slot`, above anything that the
//! process opens otherwise, and only [`crate::executor`]'s connection table touches that range.
#![allow(unsafe_code)]

use rustix::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes over an inherited descriptor, and keeps it from being inherited further; `None` when it is
/// not open.
pub(crate) fn take(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: only asks whether the number is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_getfd(borrowed).ok()?;
    fcntl_setfd(borrowed, FdFlags::CLOEXEC).ok()?;
    // SAFETY: it is open, and by this module's contract taken only here.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// By which the worker's next life waits for the end of this one.
const LIFE: RawFd = 5;

/// [`LIFE`] where it was inherited: a supervisor of a test gives none.
static LIFE_TAKEN: AtomicBool = AtomicBool::new(false);

/// Keeps the descriptor that says that a process of this life still runs: for ever, but from being
/// inherited by other programs.
pub(crate) fn keep_life() {
    if let Some(life) = take(LIFE) {
        std::mem::forget(life);
        LIFE_TAKEN.store(true, Ordering::Relaxed);
    }
}

/// Closes it, if it is there, and once: afterwards the number is another file's. Async-signal-safe.
pub(crate) fn give_life_up() {
    if LIFE_TAKEN.swap(false, Ordering::Relaxed) {
        close(LIFE);
    }
}

/// Puts `from` at `number`, closing what was there.
pub(crate) fn place(from: &OwnedFd, number: RawFd) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: both are plain numbers to the kernel; the range is the connection table's own.
    let placed = unsafe { libc::dup3(from.as_raw_fd(), number, libc::O_CLOEXEC) };
    if placed == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The descriptor at `number`, which the caller knows to be open.
pub(crate) fn at(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: a connection's number stays open as long as the table says so; a closed one would
    // give EBADF, not memory unsafety.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Closes the descriptor at `number`.
pub(crate) fn close(number: RawFd) {
    // SAFETY: by the contract only the connection table closes numbers of its range, and LIFE is closed
    // by whoever took it away.
    unsafe { rustix::io::close(number) };
}
