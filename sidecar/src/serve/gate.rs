//! Who may come in over TCP: the rules, checked before anything is bound.

use super::credentials::Tokens;
use super::{Error, tls};
use crate::config::{Address, ConfigError, Daemon};
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// What TCP listeners need; nothing is made or read when there are none.
#[derive(Clone, Default)]
pub(super) struct Gate {
    pub(super) tokens: Tokens,
    /// The token made here, where none was configured.
    pub(super) token_made: Option<PathBuf>,
    /// Whether a caller without token or certificate is let in.
    pub(super) open: bool,
    pub(super) tls: Option<tls::Identity>,
}

impl Gate {
    /// Checks the rules and loads secrets and certificates.
    pub(super) fn load(daemon: &Daemon, state_dir: &Path) -> Result<Self, Error> {
        let remote = daemon.listen.iter().any(|address| !matches!(address, Address::Unix(_)));
        if !remote {
            return Ok(Self::default());
        }
        check_plain(daemon)?;
        let mut gate = Self { tokens: Tokens::load(&daemon.tcp)?, ..Self::default() };
        gate.open = daemon.tcp.insecure && gate.tokens.is_empty();
        if gate.tokens.is_empty() && daemon.tls.client_ca.is_none() && !gate.open {
            let (tokens, file) = Tokens::made(state_dir)?;
            (gate.tokens, gate.token_made) = (tokens, Some(file));
        }
        let hosts: Vec<String> = daemon.listen.iter().filter_map(encrypted_host).collect();
        if !hosts.is_empty() {
            let tokens = gate.open || !gate.tokens.is_empty();
            gate.tls = Some(tls::Identity::load(&daemon.tls, &hosts, state_dir, tokens)?);
        }
        Ok(gate)
    }
}

fn encrypted_host(address: &Address) -> Option<String> {
    match address {
        Address::Tls { host, .. } => Some(host.clone()),
        Address::Unix(_) | Address::Tcp { .. } => None,
    }
}

/// Plain text is for this host alone, unless the configuration says otherwise in so many words.
fn check_plain(daemon: &Daemon) -> Result<(), ConfigError> {
    for address in &daemon.listen {
        let Address::Tcp { host, .. } = address else {
            continue;
        };
        if !daemon.tcp.insecure && !is_loopback(host) {
            return Err(ConfigError::new(format!(
                "{address} would carry calls in plain text over a network: listen at tls:{host}, or \
                 write tcp.insecure = true"
            )));
        }
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return ip.is_loopback();
    }
    let resolved = (host, 0).to_socket_addrs();
    resolved.is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
}
