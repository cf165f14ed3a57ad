//! The signal that makes an executor look at what is asked of it: why `unsafe` is allowed here.
//!
//! rustix has no real-time signals, because the C library keeps some of them for itself. Contract:
//! `SIGRTMIN + 5` lies above those, and is handled by the executor alone.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Interrupts whatever the process behind `pidfd` does, even a blocking system call.
pub(super) fn interrupt(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    let signal = libc::SIGRTMIN() + 5;
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: pidfd_send_signal(2) with an open descriptor, a valid signal, no siginfo and no flags.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
