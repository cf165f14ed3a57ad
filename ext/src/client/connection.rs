//! One connection to a worker: hello, then one call at a time.

use super::error::CallError;
use super::options::{Fleet, Options};
use super::spinning::Spinning;
use crate::net::{self, Address, Ready, Socket, wait};
use protocol::{
    BadFrame, ClientInfo, FRAME_BYTES_MAX_DEFAULT, HEADER_BYTES, Header, Hello, Kind, Limits,
    PREFACE, Purpose, Refused, ReleaseId, Welcome, body_from_slice, control_frame,
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
    pub(super) pool: String,
    pub(super) release: ReleaseId,
    pub(super) limits: Limits,
    pub(super) spinning: Spinning,
    /// When it was last seen alive: at the welcome or an answer.
    pub(super) used_at: Instant,
}

/// Why a connection could not be had.
#[derive(Debug)]
pub(super) enum OpenError {
    /// Nobody answers there: another worker may do.
    Unreachable(String),
    /// The worker answered and said no.
    Refused(Refused),
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
        let mut socket = net::connect(address, &fleet.credentials, deadline)
            .map_err(|error| OpenError::Unreachable(describe(&error)))?;
        let hello = Hello { purpose, client: client_info(), catalog_hash, token };
        let mut bytes = PREFACE.to_vec();
        bytes.extend(control_frame(Header::new(Kind::Hello, 0), &hello));
        send_all(&mut socket, &bytes, deadline)?;
        let (header, body) = receive_frame(&mut socket, FRAME_BYTES_MAX_DEFAULT, deadline)?;
        let welcome: Welcome = match header.kind {
            Kind::Welcome => body_from_slice("Welcome", &body).map_err(bad_frame)?,
            Kind::Refused => {
                return Err(OpenError::Refused(
                    body_from_slice("Refused", &body).map_err(bad_frame)?,
                ));
            }
            kind => return Err(bad_frame(BadFrame::Unexpected(kind))),
        };
        let connection = Self {
            socket,
            id: welcome.connection,
            pool: welcome.pool.clone(),
            release: welcome.release,
            limits: welcome.limits,
            spinning: Spinning::default(),
            used_at: Instant::now(),
        };
        Ok((connection, welcome))
    }

    /// Whether this idle connection may be used without a look at it first.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.used_at).as_millis() < CHECK_AFTER_MS
    }

    /// Sends a question on a control connection and waits for the body of the answer.
    pub(super) fn ask(
        &mut self,
        question: &protocol::ControlRequest,
        deadline: Instant,
    ) -> Result<protocol::ControlReply, OpenError> {
        let frame = control_frame(Header::new(Kind::ControlRequest, 1), question);
        send_all(&mut self.socket, &frame, deadline)?;
        let (header, body) = receive_frame(&mut self.socket, FRAME_BYTES_MAX_DEFAULT, deadline)?;
        match header.kind {
            Kind::ControlReply => body_from_slice("ControlReply", &body).map_err(bad_frame),
            kind => Err(bad_frame(BadFrame::Unexpected(kind))),
        }
    }
}

/// The deadline for connecting: the setting's, or the call's own when that is earlier.
pub(super) fn connect_deadline(options: &Options, call: Option<Instant>) -> Instant {
    let ours = Instant::now() + options.connect_timeout;
    call.map_or(ours, |call| call.min(ours))
}

/// A secret never leaves the host unencrypted.
fn token_for(address: &Address, fleet: &Fleet) -> Result<Option<String>, CallError> {
    let exposed = matches!(address, Address::Tcp { host, .. } if !is_loopback(host));
    if exposed && fleet.token.is_some() {
        let message = format!(
            "{address}: appserver.token is set, but this connection is not encrypted; use tls: for \
             this worker"
        );
        return Err(CallError::config(message).at(address.to_string()));
    }
    Ok(fleet.token.clone())
}

fn is_loopback(host: &str) -> bool {
    let ip: Option<std::net::IpAddr> = host.parse().ok();
    host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
}

fn client_info() -> ClientInfo {
    ClientInfo {
        pid: std::process::id(),
        sapi: crate::php::sapi_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn send_all(socket: &mut Socket, mut bytes: &[u8], deadline: Instant) -> Result<(), OpenError> {
    loop {
        match socket.send(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if is_transient(&error) => await_socket(socket, true, deadline)?,
            Err(error) => return Err(OpenError::Unreachable(describe(&error))),
        }
        if bytes.is_empty() && flushed(socket)? {
            return Ok(());
        }
        if bytes.is_empty() {
            await_socket(socket, true, deadline)?;
        }
    }
}

fn flushed(socket: &mut Socket) -> Result<bool, OpenError> {
    socket.flush().map_err(|error| OpenError::Unreachable(describe(&error)))
}

fn receive_frame(
    socket: &mut Socket,
    bytes_max: u32,
    deadline: Instant,
) -> Result<(Header, Vec<u8>), OpenError> {
    let mut frame = Vec::with_capacity(4096);
    let mut wanted = HEADER_BYTES;
    loop {
        if let Some(header) = Header::parse(&frame, bytes_max).map_err(bad_frame)? {
            wanted = header.frame_bytes();
            if frame.len() >= wanted {
                return Ok((header, frame.split_off(HEADER_BYTES)));
            }
        }
        frame.reserve(wanted - frame.len());
        match socket.receive(&mut frame) {
            Ok(0) => {
                let reason = "it closed the connection before it said welcome";
                return Err(OpenError::Unreachable(reason.to_owned()));
            }
            Ok(_) => {}
            Err(error) if is_transient(&error) => await_socket(socket, false, deadline)?,
            Err(error) => return Err(OpenError::Unreachable(describe(&error))),
        }
    }
}

fn await_socket(socket: &Socket, write: bool, deadline: Instant) -> Result<(), OpenError> {
    match wait(socket.waiting(write), Some(deadline)) {
        Ready::Yes => Ok(()),
        // Hello and welcome are short: a signal may wait until they are through.
        Ready::Interrupted => Ok(()),
        Ready::TimedOut => Err(OpenError::Unreachable(
            "it accepted the connection and then said nothing (appserver.connect_timeout)"
                .to_owned(),
        )),
    }
}

pub(super) fn is_transient(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn bad_frame(error: BadFrame) -> OpenError {
    OpenError::Fatal(CallError::protocol(error))
}

/// The reason without the "(os error N)" that people cannot use.
pub(super) fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}
