//! What tasks need to know of the configuration, in the form in which they need it.

use super::cgroup::Cgroups;
use super::identity::AppUser;
use super::members::Members;
use super::peers::Peers;
use crate::config::Daemon;
use archive::TrustedKeys;
use protocol::AppName;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Fixed for the life of the worker.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) daemon: Daemon,
    /// As the configuration file alone had it.
    pub(super) written: Daemon,
    pub(super) peers: Peers,
    /// The other workers, as the configuration had them at the start.
    pub(super) members: Members,
    /// Read again on SIGHUP.
    pub(super) config_file: Option<PathBuf>,
    pub(super) php_binary: PathBuf,
    pub(super) board: PathBuf,
    pub(super) temp_dir: PathBuf,
    /// What outlives the worker.
    pub(super) state_dir: PathBuf,
    /// Held by every process of this life of the worker.
    pub(super) life: OwnedFd,
    /// Whose releases are accepted.
    pub(super) trusted: Arc<TrustedKeys>,
    /// Of applications that have one of their own.
    pub(super) users: BTreeMap<AppName, AppUser>,
    pub(super) cgroups: Option<Cgroups>,
    /// Where processes of such users reach the worker, whatever `socket` and `allow` say.
    pub(super) inner_socket: Option<PathBuf>,
    /// Where the worker listens, as a client would write it.
    pub(super) listeners: Vec<String>,
    pub(super) hello_timeout: Duration,
    pub(super) frame_timeout: Duration,
    pub(super) unread_timeout: Duration,
}
