//! The other workers, as far as this one can ask their control APIs what they have.

use crate::admin;
use crate::config::daemon::Worker;
use crate::config::{ConfigError, Daemon};
use crate::control_client::{Access, Client, Failure, read_token};
use net::Address;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longest time for all answers: a start waits for them.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// Those that have a control API to ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    clients: Vec<Client>,
}

/// What a worker answered.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) client: Client,
    pub(super) apps: Result<Vec<admin::App>, Failure>,
}

impl Members {
    /// Reads the files that the configuration names.
    pub(super) fn check(daemon: &Daemon) -> Result<Self, ConfigError> {
        let membership = &daemon.membership;
        let others: Vec<&Address> =
            membership.workers.iter().filter_map(|worker| other(worker, daemon)).collect();
        let token = match &membership.control_token_file {
            None => None,
            Some(file) => read_token(file).map_err(|error| {
                let file = file.display();
                ConfigError::new(format!("membership.control_token_file: {file}: {error}"))
            })?,
        };
        let encrypted = others.iter().any(|address| matches!(address, Address::Tls { .. }));
        let tls = match encrypted {
            false => None,
            true => Some(Access::trusting(membership.control_ca.as_deref()).map_err(|error| {
                ConfigError::new(format!("membership.control_ca: cannot use {error}"))
            })?),
        };
        let access = Arc::new(Access { token, tls, connect_timeout: ASK_WITHIN });
        let client = |address: &Address| Client::new(address.clone(), Arc::clone(&access));
        Ok(Self { clients: others.into_iter().map(client).collect() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Asks all of them at the same time.
    pub(super) async fn ask(&self) -> Vec<Told> {
        let mut asked = JoinSet::new();
        for client in self.clients.iter().cloned() {
            asked.spawn(async move {
                let answer = timeout(ASK_WITHIN, client.get("/v1/apps".to_owned())).await;
                let apps = answer.unwrap_or(Err(Failure::TimedOut(ASK_WITHIN)));
                Told { client, apps }
            });
        }
        asked.join_all().await
    }
}

/// The control API of a worker that is not this one.
fn other<'a>(worker: &'a Worker, daemon: &Daemon) -> Option<&'a Address> {
    let control = worker.control.as_ref()?;
    let own_control = daemon.control.named().iter().any(|own| is_same(own, control));
    (!own_control && !listens_at(daemon, &worker.address)).then_some(control)
}

/// Whether whoever goes to that address comes to this worker.
pub(super) fn listens_at(daemon: &Daemon, address: &Address) -> bool {
    daemon.listen.iter().any(|own| is_same(own, address))
}

/// Whether whoever goes to `named` comes to the listener `own`.
fn is_same(own: &Address, named: &Address) -> bool {
    match (own, named) {
        (Address::Tls { host, port }, Address::Tls { host: name, port: other })
        | (Address::Tcp { host, port }, Address::Tcp { host: name, port: other }) => {
            let ip: Option<IpAddr> = host.parse().ok();
            let everywhere = ip.is_some_and(|ip| ip.is_unspecified());
            // Only an address of this host can be bound.
            let here = || UdpSocket::bind((name.as_str(), 0)).is_ok();
            port == other && (host == name || everywhere && here())
        }
        (own, named) => own == named,
    }
}

/// Of the members that answered, what each has of an application.
pub(super) fn about<'a>(
    told: &'a [Told],
    name: &'a str,
) -> impl Iterator<Item = (&'a Client, &'a admin::App)> {
    told.iter().filter_map(move |told| {
        let app = told.apps.as_ref().ok()?.iter().find(|app| app.app == name)?;
        Some((&told.client, app))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_knows_itself() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        for (own, named, same) in [
            ("unix:/a", "unix:/a", true),
            ("unix:/a", "unix:/b", false),
            ("tls:127.0.0.1:1", "tls:127.0.0.1:1", true),
            ("tls:127.0.0.1:1", "tls:127.0.0.2:1", false),
            ("tls:0.0.0.0:1", "tls:127.0.0.2:1", true),
            ("tls:0.0.0.0:1", "tls:127.0.0.2:2", false),
            ("tls:0.0.0.0:1", "tls:192.0.2.1:1", false),
        ] {
            assert_eq!(is_same(&address(own), &address(named)), same, "{own} {named}");
        }
    }
}
