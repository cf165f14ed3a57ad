//! Who may control the worker from elsewhere: its certificate, and the tokens of those who deploy.
//! Callers' tokens and certificates are others: who may call may not deploy.

use crate::config::daemon::Tls;
use crate::config::{ConfigError, Daemon};
use crate::serve::credentials::{Source, Tokens};
use crate::serve::gate::encrypted_hosts;
use crate::serve::{Error, tls};
use net::Address;
use std::path::{Path, PathBuf};
use tokio_rustls::TlsAcceptor;

/// What TLS listeners of the control API need; empty when there are none.
#[derive(Clone, Default)]
pub(in crate::serve) struct Guard {
    pub(super) tokens: Tokens,
    /// The token made here, where none was configured.
    pub(in crate::serve) token_made: Option<PathBuf>,
    pub(super) tls: Option<tls::Identity>,
    /// Files that this start wrote.
    made: Vec<PathBuf>,
}

impl Guard {
    /// Loads the secrets and certificates that the configuration names.
    pub(in crate::serve) fn check(daemon: &Daemon) -> Result<Self, ConfigError> {
        if !is_remote(daemon) {
            return Ok(Self::default());
        }
        Ok(Self {
            tokens: Tokens::load(Source::of_deployers(&daemon.control))?,
            tls: tls::Identity::configured(&certificate_alone(daemon), true)?,
            ..Self::default()
        })
    }

    /// Makes what the configuration leaves out, or takes what an earlier start made.
    pub(in crate::serve) fn complete(
        mut self,
        daemon: &Daemon,
        state_dir: &Path,
    ) -> Result<Self, Error> {
        if !is_remote(daemon) {
            return Ok(self);
        }
        if self.tokens.is_empty() {
            let file = state_dir.join("control-token");
            self.tokens = Tokens::made(&file, &mut self.made)?;
            self.token_made = Some(file);
        }
        if self.tls.is_none() {
            let hosts = encrypted_hosts(daemon);
            let (certificate, key) = tls::self_signed(&hosts, state_dir, &mut self.made)?;
            let tls = certificate_alone(daemon);
            self.tls = Some(tls::Identity::self_signed(&tls, certificate, &key, true)?);
        }
        Ok(self)
    }

    /// Removes what this start made: nobody was told of it.
    pub(in crate::serve) fn forget(&self) {
        for file in &self.made {
            let _ = std::fs::remove_file(file);
        }
    }

    pub(super) fn acceptor(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref().map(|identity| &identity.acceptor)
    }
}

fn is_remote(daemon: &Daemon) -> bool {
    daemon.control.named().iter().any(|address| matches!(address, Address::Tls { .. }))
}

/// The worker's certificate without the authorities of callers, who are let in elsewhere.
fn certificate_alone(daemon: &Daemon) -> Tls {
    Tls { client_ca: None, ..daemon.tls.clone() }
}
