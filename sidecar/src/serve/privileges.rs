//! Giving up root, all or but for what starting other users' processes takes.
//!
//! Unsafe for the calls that act on every thread of the process: the C library has them, the kernel and
//! rustix do not. Contract: none touches memory but the list of groups, which lives during the call.
#![allow(unsafe_code)]

use rustix::process::Pid;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities};
use std::io;

/// What a worker keeps whose applications have users of their own: to become them, to end their
/// processes, and to make, give away and remove their folders. Whoever can become any user can do
/// nearly everything, so this guards against mistakes rather than against a worker that was taken over;
/// the applications' processes get none of it.
const KEPT: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER);

/// Becomes a user, on every thread: that of the log is there already. With `keep`, this thread, which
/// starts the applications, keeps what that takes.
pub(super) fn become_user(uid: u32, gid: u32, keep: bool) -> io::Result<()> {
    if keep {
        set_keep_capabilities(true)?;
    }
    let groups = [gid];
    // SAFETY: see the contract.
    let failed = unsafe {
        libc::setgroups(groups.len(), groups.as_ptr()) != 0
            || libc::setresgid(gid, gid, gid) != 0
            || libc::setresuid(uid, uid, uid) != 0
    };
    if failed {
        return Err(io::Error::last_os_error());
    }
    if keep {
        let (effective, permitted) = (KEPT, KEPT);
        let inheritable = CapabilitySet::empty();
        set_capabilities(None::<Pid>, CapabilitySets { effective, permitted, inheritable })?;
        set_keep_capabilities(false)?;
    }
    Ok(())
}
