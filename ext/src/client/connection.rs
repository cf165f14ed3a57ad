//! One connection to a worker: hello, then one call at a time.

use super::error::CallError;
use super::options::{Fleet, Options};
use super::spinning::Spinning;
use super::token::Token;
use net::{Address, ExchangeError, Socket, receive_frame, send_all, shake_hands};
use protocol::{
    BadFrame, ClientInfo, FRAME_BYTES_MAX_DEFAULT, Header, Hello, Kind, Limits, Purpose, Refused,
    ReleaseId, Welcome, body_from_slice, control_frame,
};
use std::io::ErrorKind;
use std::time::Instant;

/// Connections unused for longer are checked for a hang-up before they are used again.
const CHECK_AFTER_MS: u128 = 1_000;

/// An established connection, adopted by an executor pool or (for questions) kept by the supervisor.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Socket,
    /// The connection's name on the worker, for cancelling.
    pub(super) id: u64,
    /// `None` = it leads to the worker's ledger.
    pub(super) pool: Option<String>,
    /// The release that its hello named; `ANY` = it leads to the current one, whichever that is.
    pub(super) release: ReleaseId,
    pub(super) limits: Limits,
    pub(super) spinning: Spinning,
    /// When it was last seen alive: at the welcome or an answer.
    pub(super) used_at: Instant,
    /// Whether there is reason to look for a hang-up before it is used again.
    pub(super) doubted: bool,
}

/// Why a connection could not be had.
#[derive(Debug)]
pub(super) enum OpenError {
    /// Nobody answers there: another worker may do.
    Unreachable(String),
    /// The worker answered and said no.
    Refused(Refused),
    /// What answers there does not speak the protocol: another worker may do.
    Foreign(CallError),
    /// Trying elsewhere would not help.
    Fatal(CallError),
}

impl Connection {
    /// Connects, says hello, and waits for the welcome.
    pub(super) fn open(
        address: &Address,
        fleet: &Fleet,
        purpose: Purpose,
        catalog_hash: u64,
        deadline: Instant,
    ) -> Result<(Self, Welcome), OpenError> {
        let token = token_for(address, fleet).map_err(OpenError::Fatal)?;
        let tls = match address {
            Address::Tls { .. } => Some(fleet.credentials.client()),
            Address::Unix(_) | Address::Tcp { .. } => None,
        };
        let tls = tls.transpose().map_err(|error| OpenError::Unreachable(error.to_string()))?;
        let mut socket = net::connect(address, tls, deadline)
            .map_err(|error| OpenError::Unreachable(describe(&error)))?;
        let release = match &purpose {
            Purpose::Calls { release, .. } => *release,
            Purpose::Control | Purpose::Jobs { .. } => ReleaseId::ANY,
        };
        let leads_to_pool = matches!(purpose, Purpose::Calls { .. });
        let hello = Hello { purpose, client: client_info(), catalog_hash, token };
        let welcome = shake_hands(&mut socket, &hello, deadline).map_err(unanswered)?;
        let connection = Self {
            socket,
            id: welcome.connection,
            pool: leads_to_pool.then(|| welcome.pool.clone()),
            release,
            limits: welcome.limits,
            spinning: Spinning::default(),
            used_at: Instant::now(),
            doubted: false,
        };
        Ok((connection, welcome))
    }

    /// Whether this idle connection may be used without a look at it first.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        !self.doubted && now.duration_since(self.used_at).as_millis() < CHECK_AFTER_MS
    }

    /// Sends a question on a control connection and waits for the body of the answer.
    pub(super) fn ask(
        &mut self,
        question: &protocol::ControlRequest,
        deadline: Instant,
    ) -> Result<protocol::ControlReply, OpenError> {
        let frame = control_frame(Header::new(Kind::ControlRequest, 1), question);
        let mut answered = || {
            send_all(&mut self.socket, &frame, deadline)?;
            let (header, body) =
                receive_frame(&mut self.socket, FRAME_BYTES_MAX_DEFAULT, deadline)?;
            match header.kind {
                Kind::ControlReply => Ok(body_from_slice("ControlReply", &body)?),
                kind => Err(BadFrame::Unexpected(kind).into()),
            }
        };
        answered().map_err(unanswered)
    }
}

/// The deadline for connecting: the setting's, or the call's own when that is earlier.
pub(super) fn connect_deadline(options: &Options, call: Option<Instant>) -> Instant {
    let ours = Instant::now() + options.connect_timeout;
    call.map_or(ours, |call| call.min(ours))
}

/// A secret never leaves the host unencrypted.
fn token_for(address: &Address, fleet: &Fleet) -> Result<Option<String>, CallError> {
    if address.is_exposed() && fleet.token.is_some() {
        let message = format!(
            "{address}: appserver.token is set, but this connection is not encrypted; use tls: for \
             this worker"
        );
        return Err(CallError::config(message).at(address.to_string()));
    }
    let revealed = fleet.token.as_ref().map(Token::reveal).transpose();
    revealed.map_err(|reason| CallError::config(reason).at(address.to_string()))
}

fn client_info() -> ClientInfo {
    ClientInfo {
        pid: std::process::id(),
        sapi: crate::php::sapi_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// What it means for whoever wanted the connection that it failed before there was an answer.
fn unanswered(error: ExchangeError) -> OpenError {
    match error {
        ExchangeError::Refused(refused) => OpenError::Refused(refused),
        ExchangeError::Bad(bad) => OpenError::Foreign(CallError::protocol(bad)),
        ExchangeError::Io(error) => OpenError::Unreachable(match error.kind() {
            ErrorKind::TimedOut => "it accepted the connection and then said nothing \
                                    (appserver.connect_timeout)"
                .to_owned(),
            ErrorKind::UnexpectedEof => {
                "it closed the connection before it said welcome".to_owned()
            }
            _ => describe(&error),
        }),
    }
}

/// The reason without the "(os error N)" that people cannot use.
pub(super) fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}
