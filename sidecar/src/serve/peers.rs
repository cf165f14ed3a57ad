//! Who may connect to unix sockets: the kernel says who a peer is, the allow-list whether it may.

use super::identity::{group_id, user_id};
use super::peer_groups::peer_groups;
use crate::config::ConfigError;
use crate::config::daemon::Allow;
use std::os::fd::AsFd;
use tokio::net::UnixStream;

/// The allow-list, resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    users: Vec<u32>,
    groups: Vec<u32>,
}

/// A peer that may not connect.
#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) peer: String,
    pub(super) reason: String,
}

impl Peers {
    /// Resolves names; root and the worker's own user may always connect.
    pub(super) fn resolve(allow: &Allow) -> Result<Self, ConfigError> {
        let users = allow.users.iter().map(user_id).collect::<Result<_, _>>()?;
        let groups = allow.groups.iter().map(group_id).collect::<Result<_, _>>()?;
        Ok(Self { users, groups })
    }

    /// These users alone, beside root and the worker's own.
    pub(super) fn only(users: impl Iterator<Item = u32>) -> Self {
        Self { users: users.collect(), groups: Vec::new() }
    }

    /// The peer as logs name it.
    pub(super) fn admit(&self, stream: &UnixStream) -> Result<String, Stranger> {
        let credentials = stream.peer_cred().map_err(|error| Stranger {
            peer: "unknown".to_owned(),
            reason: format!("its credentials cannot be read: {error}"),
        })?;
        let (uid, gid) = (credentials.uid(), credentials.gid());
        let peer = format!("uid {uid}, pid {}", credentials.pid().unwrap_or(0));
        if self.lets_in(uid, gid, || peer_groups(stream.as_fd()).unwrap_or_default()) {
            return Ok(peer);
        }
        let reason =
            format!("user {uid} with group {gid} is on no list (allow.users, allow.groups)");
        Err(Stranger { peer, reason })
    }

    /// `others` gives the peer's supplementary groups; it is asked only if they matter.
    fn lets_in(&self, uid: u32, gid: u32, others: impl FnOnce() -> Vec<u32>) -> bool {
        let everybody = self.users.is_empty() && self.groups.is_empty();
        let ours = uid == 0 || uid == rustix::process::geteuid().as_raw();
        let listed = |gid: &u32| self.groups.contains(gid);
        everybody
            || ours
            || self.users.contains(&uid)
            || listed(&gid)
            || !self.groups.is_empty() && others().iter().any(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_the_sockets_mode_decides() {
        assert!(Peers::default().lets_in(4711, 4711, Vec::new));
    }

    #[test]
    fn with_a_list_only_those_on_it_and_root_come_in() {
        let peers = Peers { users: vec![1000], groups: vec![33] };
        assert!(peers.lets_in(1000, 1, Vec::new));
        assert!(peers.lets_in(1, 33, Vec::new));
        assert!(peers.lets_in(1, 1, || vec![5, 33]));
        assert!(peers.lets_in(0, 0, Vec::new));
        assert!(!peers.lets_in(4711, 4711, || vec![4711, 1000]));
    }
}
