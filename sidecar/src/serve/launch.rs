//! Starts a prototype with three descriptors at fixed numbers, which std cannot: why `unsafe` is
//! allowed here.
//!
//! Contract: between fork and exec the child makes only async-signal-safe system calls on numbers
//! computed before the fork; it allocates nothing and takes no lock. The numbers 3 to 5 are taken in
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
const LIFE: RawFd = 5;

/// Starts `binary` with `boot` as descriptor 3, `control` as 4 and `life` as 5, in a process group of its own so
/// that a terminal's Ctrl-C reaches the supervisor alone.
pub(super) fn launch(
    binary: &Path,
    boot: &OwnedFd,
    control: &OwnedFd,
    life: &OwnedFd,
    confinement: Confinement,
) -> io::Result<Child> {
    for number in [BOOT, CONTROL, LIFE] {
        // SAFETY: F_GETFD touches nothing but the table of descriptors.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
            return Err(io::Error::other(format!("descriptor {number} is not taken")));
        }
    }
    let boot = fcntl_dupfd_cloexec(boot, LIFE + 1)?;
    let control = fcntl_dupfd_cloexec(control, LIFE + 1)?;
    let life = fcntl_dupfd_cloexec(life, LIFE + 1)?;
    let given = [(&boot, BOOT), (&control, CONTROL), (&life, LIFE)];
    let given = given.map(|(from, number)| (from.as_raw_fd(), number));
    let mut command = Command::new(binary);
    command.stdin(Stdio::null()).stdout(io::stderr()).process_group(0);
    let place = move || {
        // SAFETY: dup2 is async-signal-safe, and the sources are open: `boot`, `control` and `life`
        // live until after spawn returns.
        let placed = given.iter().all(|(from, number)| unsafe { libc::dup2(*from, *number) } != -1);
        if placed { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: see the contract above.
    unsafe { command.pre_exec(place) };
    confinement.confine(&mut command);
    command.spawn()
}
