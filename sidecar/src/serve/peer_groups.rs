//! Supplementary groups of the peer of a unix socket, which neither std nor rustix asks for: why
//! `unsafe` is allowed here.
//!
//! Contract of `SO_PEERGROUPS`: the kernel writes at most as many bytes as it is told there is room
//! for, whole group ids, and says how many; with too little room it fails with `ERANGE` and says how
//! many there would be. The groups are those at the time of connect(2).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Room that suffices nearly always.
const GROUPS_USUAL: usize = 32;
/// The kernel's own limit (NGROUPS_MAX).
const GROUPS_MAX: usize = 65_536;

/// All of them but the primary one, as far as it is not among them too.
pub(super) fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups = vec![0u32; GROUPS_USUAL];
    loop {
        let room = groups.len();
        let mut bytes = libc::socklen_t::try_from(size_of_val(&groups[..])).unwrap_or(0);
        // SAFETY: `groups` has room for `bytes` bytes, and any bytes are valid group ids.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut bytes,
            )
        };
        let count = usize::try_from(bytes).unwrap_or(0) / size_of::<u32>();
        if result == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) || count <= room || count > GROUPS_MAX {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_peer_s_groups_are_those_of_its_process() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut groups = peer_groups(ours.as_fd()).unwrap();
        let mut own: Vec<u32> =
            rustix::process::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        groups.sort_unstable();
        own.sort_unstable();
        assert_eq!(groups, own);
    }
}
