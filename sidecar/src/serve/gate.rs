//! Who may come in over TCP: the rules, checked before anything is bound.

use super::credentials::Tokens;
use super::{Error, tls};
use crate::config::{Address, ConfigError, Daemon};
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;

/// What TCP listeners need; absent when there are none.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) tokens: Tokens,
    /// Whether a caller without token or certificate is let in.
    pub(super) open: bool,
    pub(super) tls: Option<tls::Identity>,
}

impl Gate {
    /// Checks the rules and loads secrets and certificates.
    pub(super) fn load(daemon: &Daemon, state_dir: &Path) -> Result<Self, Error> {
        let tokens = Tokens::load(&daemon.tcp)?;
        let mut tls_hosts = Vec::new();
        for address in &daemon.listen {
            match address {
                Address::Unix(_) => {}
                Address::Tcp { host, .. } => check_plain(address, host, daemon, &tokens)?,
                Address::Tls { host, .. } => {
                    check_encrypted(address, daemon, &tokens)?;
                    tls_hosts.push(host.clone());
                }
            }
        }
        let tls = match tls_hosts.is_empty() {
            true => None,
            false => {
                let any = !tokens.is_empty();
                Some(tls::Identity::load(&daemon.tls, &tls_hosts, state_dir, any)?)
            }
        };
        let open = daemon.tcp.insecure && tokens.is_empty();
        Ok(Self { tokens, open, tls })
    }
}

/// Plain text is for this host alone, and asks for a token, unless the configuration says otherwise
/// in so many words.
fn check_plain(
    address: &Address,
    host: &str,
    daemon: &Daemon,
    tokens: &Tokens,
) -> Result<(), ConfigError> {
    if daemon.tcp.insecure {
        return Ok(());
    }
    if !is_loopback(host) {
        return Err(ConfigError::new(format!(
            "{address} would carry calls in plain text over a network: listen at tls:{host}, or \
             write tcp.insecure = true"
        )));
    }
    if tokens.is_empty() {
        return Err(ConfigError::new(format!(
            "{address} would let every user of this host in: set tcp.token_file or tcp.token_env, \
             or write tcp.insecure = true"
        )));
    }
    Ok(())
}

fn check_encrypted(address: &Address, daemon: &Daemon, tokens: &Tokens) -> Result<(), ConfigError> {
    if daemon.tcp.insecure || !tokens.is_empty() || daemon.tls.client_ca.is_some() {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "{address} would let everybody in: set tcp.token_file, tcp.token_env or tls.client_ca"
    )))
}

fn is_loopback(host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return ip.is_loopback();
    }
    let resolved = (host, 0).to_socket_addrs();
    resolved.is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
}
