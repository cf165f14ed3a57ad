//! Starts a prototype with two descriptors at fixed numbers, which std cannot: why `unsafe` is
//! allowed here.
//!
//! Contract: between fork and exec the child makes only async-signal-safe system calls on numbers
//! computed before the fork; it allocates nothing and takes no lock. The numbers 3 and 4 are taken in
//! this process (checked), so that std's own pipe, by which it reports a failed exec, is not there.
#![allow(unsafe_code)]

use super::confinement::Confinement;
use rustix::io::fcntl_dupfd_cloexec;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const BOOT: RawFd = 3;
const CONTROL: RawFd = 4;

/// Starts `binary` with `boot` as descriptor 3 and `control` as 4, in a process group of its own so
/// that a terminal's Ctrl-C reaches the supervisor alone.
pub(super) fn launch(
    binary: &Path,
    boot: &OwnedFd,
    control: &OwnedFd,
    confinement: Confinement,
) -> io::Result<Child> {
    for number in [BOOT, CONTROL] {
        // SAFETY: F_GETFD touches nothing but the table of descriptors.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
            return Err(io::Error::other(format!("descriptor {number} is not taken")));
        }
    }
    let boot = fcntl_dupfd_cloexec(boot, CONTROL + 1)?;
    let control = fcntl_dupfd_cloexec(control, CONTROL + 1)?;
    let (from_boot, from_control) = (boot.as_raw_fd(), control.as_raw_fd());
    let mut command = Command::new(binary);
    command.stdin(Stdio::null()).stdout(io::stderr()).process_group(0);
    let place = move || {
        // SAFETY: dup2 is async-signal-safe, and the sources are open: `boot` and `control` live
        // until after spawn returns.
        let placed =
            unsafe { libc::dup2(from_boot, BOOT) != -1 && libc::dup2(from_control, CONTROL) != -1 };
        if placed { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: see the contract above.
    unsafe { command.pre_exec(place) };
    confinement.confine(&mut command);
    command.spawn()
}
