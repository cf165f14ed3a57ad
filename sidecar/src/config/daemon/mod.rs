//! `appserver.toml`: the worker. Without the file every default below holds.

mod check;
mod jobs;
mod keys;
mod limits;
mod listening;
mod load;
mod log;
mod releases;
mod workers;

use super::Apps;
use super::control::Control;
use net::Address;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(super) use check::check_addresses;
pub(crate) use jobs::Jobs;
pub(crate) use keys::KEYS;
pub(crate) use limits::Limits;
pub(crate) use listening::{Allow, Identity, Socket, Tcp, Tls};
pub(crate) use load::load_daemon;
pub(crate) use log::{Log, LogFormat};
pub(crate) use releases::{Deploy, Releases};
pub(crate) use workers::{Worker, Workers};

/// The content of `appserver.toml`, and after normalisation what holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Daemon {
    pub(crate) listen: Vec<Address>,
    pub(crate) apps: Apps,
    pub(crate) user: Option<Identity>,
    pub(crate) group: Option<Identity>,
    pub(crate) runtime_dir: Option<PathBuf>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) php_binary: Option<PathBuf>,
    pub(crate) busy_poll_us: u32,
    pub(crate) fd_base: u32,
    pub(crate) drain_timeout_ms: u64,
    pub(crate) socket: Socket,
    pub(crate) allow: Allow,
    pub(crate) tcp: Tcp,
    pub(crate) tls: Tls,
    pub(crate) control: Control,
    pub(crate) limits: Limits,
    pub(crate) jobs: Jobs,
    pub(crate) deploy: Deploy,
    pub(crate) releases: Releases,
    pub(crate) membership: Workers,
    pub(crate) log: Log,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            apps: Apps::default(),
            user: None,
            group: None,
            runtime_dir: None,
            state_dir: None,
            php_binary: None,
            busy_poll_us: 50,
            fd_base: 4096,
            drain_timeout_ms: 30_000,
            socket: Socket::default(),
            allow: Allow::default(),
            tcp: Tcp::default(),
            tls: Tls::default(),
            control: Control::default(),
            limits: Limits::default(),
            jobs: Jobs::default(),
            deploy: Deploy::default(),
            releases: Releases::default(),
            membership: Workers::default(),
            log: Log::default(),
        }
    }
}
