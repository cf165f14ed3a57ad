//! The ways in: sockets that are bound, with the rules of who may come in by them.

use super::Error;
use super::anteroom::Anteroom;
use super::directories::Directories;
use super::door::Door;
use super::edge::Edge;
use super::gate::Gate;
use super::http::{Api, Guard};
use super::identity::Account;
use super::listeners::{Listeners, SocketFiles};
use super::peers::Peers;
use super::settings::Settings;
use crate::config::Daemon;
use crate::config::daemon::Socket;
use net::Address;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Who may come in from elsewhere. Dropped before anybody was told of the worker, it takes along the
/// files that were made for it.
pub(super) struct Rules {
    pub(super) gate: Arc<Gate>,
    pub(super) guard: Arc<Guard>,
    told: bool,
}

impl Rules {
    /// Makes the certificate and tokens that the configuration leaves out.
    pub(super) fn complete(
        gate: Gate,
        guard: Guard,
        daemon: &Daemon,
        state_dir: &Path,
    ) -> Result<Self, Error> {
        let mut rules = Self { gate: Arc::default(), guard: Arc::default(), told: false };
        rules.gate = Arc::new(gate.complete(daemon, state_dir)?);
        rules.guard = Arc::new(guard.complete(daemon, state_dir)?);
        Ok(rules)
    }

    /// What was made stays for the next start.
    pub(super) fn keep(&mut self) {
        self.told = true;
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        if !self.told {
            self.gate.forget();
            self.guard.forget();
        }
    }
}

/// Sockets, bound; nobody is let in before [`Self::open`].
pub(super) struct Ways {
    /// For callers.
    listeners: Listeners,
    /// For whoever deploys.
    control: Listeners,
    pub(super) rules: Rules,
}

impl Ways {
    /// `account` is whom the worker becomes; `inner` says that applications have users of their own.
    pub(super) fn bind(
        daemon: &Daemon,
        directories: &Directories,
        account: Option<Account>,
        inner: bool,
        rules: Rules,
    ) -> Result<Self, Error> {
        let mut listeners = Listeners::bind(&daemon.listen, &daemon.socket, account)?;
        if inner {
            listeners.bind_inner(&directories.inner_socket(), account)?;
        }
        let control = bind_control(daemon, directories, account)?;
        Ok(Self { listeners, control, rules })
    }

    /// Where callers come in, as a client would write it.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.listeners.addresses.clone()
    }

    /// The sockets' files, which go with what this returns.
    pub(super) fn take_files(&mut self) -> [SocketFiles; 2] {
        [&mut self.listeners, &mut self.control]
            .map(|listeners| std::mem::take(&mut listeners.files))
    }

    /// Accepts from now on.
    pub(super) fn open(&mut self, door: Door, api: Api) -> io::Result<()> {
        let control = std::mem::take(&mut self.control);
        let listeners = std::mem::take(&mut self.listeners);
        open_callers(door, &self.rules.gate, listeners)?;
        api.open(control.unix, control.tcp)
    }

    /// What those who come from elsewhere must be given, where it was made here, for people.
    pub(super) fn needs(&self) -> Vec<String> {
        [remote_needs(&self.rules.gate), control_needs(self)].concat()
    }
}

/// The control API's sockets: those of the configuration, or one in the worker's own folder.
fn bind_control(
    daemon: &Daemon,
    directories: &Directories,
    account: Option<Account>,
) -> Result<Listeners, Error> {
    let own = || vec![Address::Unix(directories.control())];
    let addresses = daemon.control.listen.clone().unwrap_or_else(own);
    let socket = Socket { mode: daemon.control.mode.clone(), group: daemon.control.group.clone() };
    Listeners::bind(&addresses, &socket, account)
}

fn open_callers(door: Door, gate: &Arc<Gate>, listeners: Listeners) -> io::Result<()> {
    // Strangers far away have an anteroom of their own, so that they cannot keep this host's callers out.
    let remote = Door { anteroom: anteroom(&door.settings), ..door.clone() };
    for (listener, encrypted) in listeners.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let tls = gate.tls.clone().filter(|_| encrypted);
        let edge = Edge { door: remote.clone(), gate: Arc::clone(gate), tls };
        tokio::spawn(edge.serve(listener));
    }
    if let Some(listener) = listeners.inner {
        let peers = Peers::only(door.settings.users.values().map(|user| user.uid));
        let inner = Door { peers: Arc::new(peers), ..door.clone() };
        tokio::spawn(inner.serve_unix(tokio::net::UnixListener::from_std(listener)?));
    }
    for (_, listener) in listeners.unix {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        tokio::spawn(door.clone().serve_unix(listener));
    }
    Ok(())
}

/// Room for connections that have not yet said Hello.
pub(super) fn anteroom(settings: &Settings) -> Anteroom {
    Anteroom::new(settings.daemon.limits.handshakes_max)
}

/// What remote callers must be given, where it was made here.
fn remote_needs(gate: &Gate) -> Vec<String> {
    let certificate = gate.tls.as_ref().and_then(|tls| tls.self_signed.as_ref());
    let certificate = certificate.map(|file| format!("the certificate {} (ca)", file.display()));
    let token = gate.token_made.as_ref().map(|file| format!("the token in {}", file.display()));
    let needs = certificate.into_iter().chain(token);
    needs.map(|need| format!("appserver: remote callers need {need}")).collect()
}

/// Where releases can be deployed to, and what that takes from elsewhere.
fn control_needs(ways: &Ways) -> Vec<String> {
    let token = ways.rules.guard.token_made.as_ref();
    let token = token.map(|file| format!(", with the token in {}", file.display()));
    let addresses = &ways.control.addresses;
    let open = addresses.join(",") + &token.unwrap_or_default();
    addresses.first().map(|_| format!("appserver: deploys come in at {open}")).into_iter().collect()
}
