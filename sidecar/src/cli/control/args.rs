//! Which workers are controlled, and how they let the command in.

use super::fleet::Fleet;
use crate::cli::{Exit, Stop, seconds};
use crate::config::control;
use crate::control_client::{Access, Client, read_token};
use crate::serve::default_controls;
use net::{Address, TlsClient};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ControlArgs {
    /// Workers, all of them: unix:PATH of a control socket, or https://HOST[:PORT]; else this host's.
    #[arg(
        short,
        long,
        value_name = "ADDRESS,…",
        env = "APPSERVER_CONTROL",
        value_delimiter = ',',
        value_parser = control::remote_address,
        help_heading = "Workers"
    )]
    workers: Vec<Address>,
    /// File with the control token that workers ask for over TLS; APPSERVER_CONTROL_TOKEN may hold
    /// the token itself.
    #[arg(long, value_name = "FILE", help_heading = "Workers")]
    token_file: Option<PathBuf>,
    /// Authority that signed the workers' certificates (PEM); by default the system's.
    #[arg(long, value_name = "FILE", env = "APPSERVER_CA", help_heading = "Workers")]
    ca: Option<PathBuf>,
    /// Longest to wait for a connection to a worker, in seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "5",
        value_parser = seconds,
        help_heading = "Workers"
    )]
    connect_timeout: Duration,
}

impl ControlArgs {
    /// Reads the files that the options name.
    pub(crate) fn open(self) -> Result<Fleet, Stop> {
        let token = self.token()?;
        let addresses = match self.workers.is_empty() {
            true => vec![Address::Unix(own_socket()?)],
            false => self.workers,
        };
        let encrypted = addresses.iter().any(|address| matches!(address, Address::Tls { .. }));
        let tls = match encrypted {
            true => Some(trusting(self.ca.as_deref())?),
            false => None,
        };
        let access = Arc::new(Access { token, tls, connect_timeout: self.connect_timeout });
        let mut clients: Vec<Client> = Vec::new();
        for address in addresses {
            if !clients.iter().any(|client| *client.address() == address) {
                clients.push(Client::new(address, Arc::clone(&access)));
            }
        }
        Fleet::new(clients)
    }

    fn token(&self) -> Result<Option<String>, Stop> {
        let Some(file) = &self.token_file else {
            return Ok(std::env::var("APPSERVER_CONTROL_TOKEN").ok());
        };
        read_token(file).map_err(|error| {
            let message = format!("cannot read the token in {}: {error}", file.display());
            Stop::new(Exit::Config, message)
        })
    }
}

fn trusting(ca: Option<&Path>) -> Result<TlsClient, Stop> {
    let tls = Access::trusting(ca);
    tls.map_err(|error| Stop::new(Exit::Config, format!("cannot use {error}")))
}

/// Where a worker of this host has its control socket.
fn own_socket() -> Result<PathBuf, Stop> {
    let sockets = default_controls();
    sockets.iter().find(|socket| socket.exists()).cloned().ok_or_else(|| {
        let looked: Vec<String> = sockets.iter().map(|path| path.display().to_string()).collect();
        let message = format!(
            "no worker's control socket at\n  {}\nIs a worker running here? Name others with --workers \
             or APPSERVER_CONTROL.",
            looked.join("\n  ")
        );
        Stop::new(Exit::Unavailable, message)
    })
}
