//! The workers that a command may ask, and how it is let in.

use super::connection::Credentials;
use super::tls::TlsArgs;
use super::{CallId, ClientError, Connection};
use crate::cli::seconds;
use crate::serve::default_workers;
use net::{Address, Entry, ListError};
use protocol::{
    AppName, Catalog, ControlReply, ControlRequest, Purpose, Routing, StatusReport, Welcome,
};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    /// Workers to ask, the first that answers: unix:PATH, tls:HOST[:PORT], tcp:HOST[:PORT]; else
    /// this user's own (below XDG_RUNTIME_DIR), then unix:/run/appserver/appserver.sock.
    #[arg(
        short,
        long,
        value_name = "ADDRESS,…",
        env = "APPSERVER_WORKERS",
        value_delimiter = ',',
        value_parser = address,
        help_heading = "Workers"
    )]
    workers: Vec<Address>,
    /// File with the token that TCP workers ask for; APPSERVER_TOKEN may hold the token itself.
    #[arg(long, value_name = "FILE", help_heading = "Workers")]
    token_file: Option<PathBuf>,
    /// Longest to wait for a worker's welcome, in seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "1",
        value_parser = seconds,
        help_heading = "Workers"
    )]
    connect_timeout: Duration,
    #[command(flatten)]
    tls: TlsArgs,
}

/// As the extension's `appserver.workers` takes them; the weight means nothing here.
fn address(text: &str) -> Result<Address, ListError> {
    text.trim().parse().map(|entry: Entry| entry.address)
}

/// Workers ready to be asked.
#[derive(Debug)]
pub(crate) struct Workers {
    addresses: Vec<Address>,
    /// Whether nobody named them.
    by_default: bool,
    credentials: Credentials,
}

impl WorkerArgs {
    /// Reads the files that the options name.
    pub(crate) fn open(self) -> Result<Workers, ClientError> {
        let credentials = Credentials {
            token: self.token()?,
            tls: if self.workers.iter().any(|address| matches!(address, Address::Tls { .. })) {
                Some(self.tls.read()?)
            } else {
                None
            },
            connect_timeout: self.connect_timeout,
        };
        let by_default = self.workers.is_empty();
        let addresses = if by_default { default_workers() } else { self.workers };
        Ok(Workers { addresses, by_default, credentials })
    }

    fn token(&self) -> Result<Option<String>, ClientError> {
        let Some(file) = &self.token_file else { return Ok(std::env::var("APPSERVER_TOKEN").ok()) };
        let token = std::fs::read_to_string(file).map_err(|error| {
            ClientError::Config(format!("cannot read the token in {}: {error}", file.display()))
        })?;
        Ok(Some(token.trim().to_owned()))
    }
}

impl Workers {
    /// The first worker that welcomes a connection for `purpose`.
    pub(crate) fn connect(&self, purpose: &Purpose) -> Result<(Connection, Welcome), ClientError> {
        let mut failures = Vec::new();
        for address in &self.addresses {
            match Connection::open(address, &self.credentials, purpose) {
                Err(error) if error.concerns_this_worker_alone() => failures.push(error),
                outcome => return outcome,
            }
        }
        match failures.len() {
            1 if !self.by_default => Err(failures.remove(0)),
            _ => Err(ClientError::NoWorker(failures.iter().map(ToString::to_string).collect())),
        }
    }

    /// A connection for questions to a supervisor.
    pub(crate) fn control(&self) -> Result<Control, ClientError> {
        self.connect(&Purpose::Control).map(|(connection, _)| Control(connection))
    }

    /// The same, to that of one worker.
    pub(crate) fn control_at(&self, worker: &Address) -> Result<Control, ClientError> {
        Connection::open(worker, &self.credentials, &Purpose::Control)
            .map(|(connection, _)| Control(connection))
    }
}

/// A supervisor answers from memory; one that takes longer is frozen.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A control connection.
#[derive(Debug)]
pub(crate) struct Control(Connection);

impl Control {
    pub(crate) fn worker(&self) -> &Address {
        self.0.worker()
    }

    pub(crate) fn status(&mut self) -> Result<StatusReport, ClientError> {
        match self.0.control(&ControlRequest::Status, ANSWER_TIMEOUT)? {
            ControlReply::Status(report) => Ok(*report),
            other => Err(self.0.unexpected(other)),
        }
    }

    /// The catalog of `app`; the empty name means the only application.
    pub(crate) fn catalog(&mut self, app: AppName) -> Result<Catalog, ClientError> {
        match self.0.control(&ControlRequest::Catalog { app }, ANSWER_TIMEOUT)? {
            ControlReply::Catalog(catalog) => Ok(catalog),
            other => Err(self.0.unexpected(other)),
        }
    }

    /// Where the calls of `app` go; the empty name means the only application.
    pub(crate) fn routing(&mut self, app: AppName) -> Result<Routing, ClientError> {
        match self.0.control(&ControlRequest::Routing { app }, ANSWER_TIMEOUT)? {
            ControlReply::Routing(routing) => Ok(routing),
            other => Err(self.0.unexpected(other)),
        }
    }

    /// Interrupts a call, if it still runs.
    pub(crate) fn cancel(&mut self, call: &CallId) -> Result<(), ClientError> {
        let CallId { connection, request_id, .. } = *call;
        let request = ControlRequest::Cancel { connection, request_id };
        match self.0.control(&request, ANSWER_TIMEOUT)? {
            ControlReply::Cancelled { .. } => Ok(()),
            other => Err(self.0.unexpected(other)),
        }
    }
}
