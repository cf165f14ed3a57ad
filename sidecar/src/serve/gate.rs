//! Who may come in over TCP: the rules, checked before anything is bound.

use super::credentials::{Source, Tokens};
use super::{Error, tls};
use crate::config::{ConfigError, Daemon};
use net::Address;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// What TCP listeners need; nothing is made or read when there are none, and nothing is made before
/// everything else has been checked and bound.
#[derive(Clone, Default)]
pub(super) struct Gate {
    pub(super) tokens: Tokens,
    /// The token made here, where none was configured.
    pub(super) token_made: Option<PathBuf>,
    /// Whether a caller without token or certificate is let in.
    pub(super) open: bool,
    pub(super) tls: Option<tls::Identity>,
    /// Files that this start wrote.
    made: Vec<PathBuf>,
}

impl Gate {
    /// Checks the rules and loads the secrets and certificates that the configuration names.
    pub(super) fn check(daemon: &Daemon) -> Result<Self, ConfigError> {
        if !is_remote(daemon) {
            return Ok(Self::default());
        }
        check_plain(daemon)?;
        let mut gate =
            Self { tokens: Tokens::load(Source::of_callers(&daemon.tcp))?, ..Self::default() };
        gate.open = daemon.tcp.insecure && gate.tokens.is_empty();
        if daemon.listen.iter().any(|address| encrypted_host(address).is_some()) {
            gate.tls = tls::Identity::configured(&daemon.tls, gate.lets_tokens_in())?;
        }
        Ok(gate)
    }

    /// Makes what the configuration leaves out, or takes what an earlier start made.
    pub(super) fn complete(mut self, daemon: &Daemon, state_dir: &Path) -> Result<Self, Error> {
        if !is_remote(daemon) {
            return Ok(self);
        }
        if self.tokens.is_empty() && daemon.tls.client_ca.is_none() && !self.open {
            let file = state_dir.join("token");
            self.tokens = Tokens::made(&file, &mut self.made)?;
            self.token_made = Some(file);
        }
        let encrypted = daemon.listen.iter().any(|address| encrypted_host(address).is_some());
        if self.tls.is_none() && encrypted {
            let hosts = encrypted_hosts(daemon);
            let (certificate, key) = tls::self_signed(&hosts, state_dir, &mut self.made)?;
            let tokens = self.lets_tokens_in();
            self.tls = Some(tls::Identity::self_signed(&daemon.tls, certificate, &key, tokens)?);
        }
        Ok(self)
    }

    /// Removes what this start made: nobody was told of it. Best effort: a worker that has become
    /// another user may not.
    pub(super) fn forget(&self) {
        for file in &self.made {
            let _ = std::fs::remove_file(file);
        }
    }

    fn lets_tokens_in(&self) -> bool {
        self.open || !self.tokens.is_empty()
    }
}

fn is_remote(daemon: &Daemon) -> bool {
    daemon.listen.iter().any(|address| !matches!(address, Address::Unix(_)))
}

/// Hosts of all addresses by TLS: callers and deployers meet the same certificate.
pub(super) fn encrypted_hosts(daemon: &Daemon) -> Vec<String> {
    daemon.listen.iter().chain(daemon.control.named()).filter_map(encrypted_host).collect()
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
