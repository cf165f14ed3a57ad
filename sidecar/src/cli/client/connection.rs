//! One connection to a worker: handshake, questions, calls.

use super::ClientError;
use net::{
    Address, ExchangeError, Socket, TlsClient, connect, receive_frame, send_all, shake_hands,
};
use protocol::{
    BadFrame, CallHead, ClientInfo, ControlReply, ControlRequest, EncodeBody, FLAG_JSON,
    FLAG_OUTPUT, Failure, Header, Hello, Kind, Purpose, Refused, RefusedCode, Welcome,
    body_from_slice, control_frame,
};
use std::time::{Duration, Instant};

/// The worker ends a call at its deadline and says so; this is how much longer its word may take.
const GRACE: Duration = Duration::from_secs(2);

/// How a client is let in.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) token: Option<String>,
    /// Absent when no worker is spoken to by TLS.
    pub(super) tls: Option<TlsClient>,
    pub(super) connect_timeout: Duration,
}

#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    worker: Address,
    /// Its name on the worker.
    id: u64,
    /// Id of the last request. They begin with the process, so that the worker's log tells those of
    /// one command from another's.
    requests: u64,
    frame_bytes_max: u32,
}

/// What a call is cancelled by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallId {
    pub(crate) worker: Address,
    pub(super) connection: u64,
    pub(super) request_id: u64,
}

/// A call whose arguments are JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallRequest<'a> {
    pub(crate) function: &'a str,
    /// An array (positional) or an object (named).
    pub(crate) arguments: &'a str,
    /// Zero = none.
    pub(crate) timeout: Duration,
    /// Whether to bring back what the function prints.
    pub(crate) output: bool,
}

/// What came back from a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) release_id: u64,
    pub(crate) printed: Vec<u8>,
    /// JSON text.
    pub(crate) outcome: Result<String, Failure>,
}

impl Answer {
    /// A call that failed before it was sent.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { release_id: 0, printed: Vec::new(), outcome: Err(failure) }
    }
}

impl Connection {
    /// Connects and shakes hands.
    pub(super) fn open(
        address: &Address,
        credentials: &Credentials,
        purpose: &Purpose,
    ) -> Result<(Self, Welcome), ClientError> {
        if address.is_exposed() && credentials.token.is_some() {
            return Err(ClientError::Config(format!(
                "{address}: a token is set, but this connection is not encrypted; use tls: for this \
                 worker"
            )));
        }
        let deadline = Instant::now() + credentials.connect_timeout;
        let mut socket = connect(address, credentials.tls.as_ref(), deadline).map_err(|error| {
            ClientError::Unreachable { worker: address.to_string(), reason: error.to_string() }
        })?;
        let hello = Hello {
            purpose: purpose.clone(),
            client: ClientInfo {
                pid: std::process::id(),
                sapi: "appserver".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            catalog_hash: 0,
            token: credentials.token.clone(),
        };
        let welcome = shake_hands(&mut socket, &hello, deadline).map_err(|error| {
            ClientError::new(address, error, credentials.connect_timeout).before_welcome()
        })?;
        let connection = Self {
            socket,
            worker: address.clone(),
            id: welcome.connection,
            requests: u64::from(std::process::id()) << 40,
            frame_bytes_max: welcome.limits.frame_bytes_max,
        };
        Ok((connection, welcome))
    }

    pub(crate) fn worker(&self) -> &Address {
        &self.worker
    }

    /// Under which the worker's log has the last call.
    pub(crate) fn last_request_id(&self) -> u64 {
        self.requests
    }

    /// What the next call can be cancelled by.
    pub(crate) fn next_call(&self) -> CallId {
        let (worker, request_id) = (self.worker.clone(), self.requests + 1);
        CallId { worker, connection: self.id, request_id }
    }

    /// Asks the supervisor, on a connection opened for `Purpose::Control`.
    pub(super) fn control(
        &mut self,
        request: &ControlRequest,
        timeout: Duration,
    ) -> Result<ControlReply, ClientError> {
        self.requests += 1;
        let header = Header::new(Kind::ControlRequest, self.requests);
        let (header, body) = self.exchange(&control_frame(header, request), timeout)?;
        if header.kind != Kind::ControlReply {
            return Err(self.bad(BadFrame::Unexpected(header.kind)));
        }
        self.read(body_from_slice("control reply", &body))
    }

    /// What a reply means that is not the answer to the question.
    pub(super) fn unexpected(&self, reply: ControlReply) -> ClientError {
        match reply {
            // The one thing a supervisor is asked for by name is an application.
            ControlReply::Refused { message, near } => ClientError::Refused {
                worker: self.worker.to_string(),
                refused: Refused { code: RefusedCode::UnknownApp, message, near },
            },
            _ => self.bad(BadFrame::Malformed { what: "control reply" }),
        }
    }

    /// Calls a function, on a connection opened for `Purpose::Calls`.
    pub(crate) fn call(&mut self, request: &CallRequest<'_>) -> Result<Answer, ClientError> {
        self.requests += 1;
        let mut header = Header::new(Kind::Call, self.requests);
        header.flags = FLAG_JSON | if request.output { FLAG_OUTPUT } else { 0 };
        header.budget_ms = u32::try_from(request.timeout.as_millis()).unwrap_or(u32::MAX);
        let mut frame = Vec::new();
        let head = CallHead { function: request.function };
        let Ok(_) = frame.put_frame(header, |body| {
            head.put(body);
            body.extend_from_slice(request.arguments.as_bytes());
            Ok::<(), std::convert::Infallible>(())
        });
        let limit = if request.timeout.is_zero() { Duration::MAX } else { request.timeout + GRACE };
        let (header, body) = self.exchange(&frame, limit)?;
        self.answer(&header, body)
    }

    fn answer(&self, header: &Header, mut body: Vec<u8>) -> Result<Answer, ClientError> {
        let mut printed = Vec::new();
        if header.flags & FLAG_OUTPUT != 0 {
            let malformed = || self.bad(BadFrame::Malformed { what: "printed bytes" });
            let length = body.first_chunk::<4>().ok_or_else(malformed)?;
            let end = 4 + usize::try_from(u32::from_le_bytes(*length)).map_err(|_| malformed())?;
            printed = body.get(4..end).ok_or_else(malformed)?.to_vec();
            body.drain(..end);
        }
        let outcome = match header.kind {
            Kind::Return => Ok(String::from_utf8(body)
                .map_err(|_| self.bad(BadFrame::Malformed { what: "JSON result" }))?),
            Kind::Failure => Err(self.read(body_from_slice("failure", &body))?),
            other => return Err(self.bad(BadFrame::Unexpected(other))),
        };
        Ok(Answer { release_id: header.release_id, printed, outcome })
    }

    /// Sends a frame and waits for one.
    fn exchange(
        &mut self,
        frame: &[u8],
        limit: Duration,
    ) -> Result<(Header, Vec<u8>), ClientError> {
        // A limit beyond what the clock can count is no limit worth the name.
        const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        let deadline = Instant::now() + limit.min(FOREVER);
        send_all(&mut self.socket, frame, deadline)
            .map_err(ExchangeError::Io)
            .and_then(|()| receive_frame(&mut self.socket, self.frame_bytes_max, deadline))
            .map_err(|error| ClientError::new(&self.worker, error, limit))
    }

    fn read<T>(&self, decoded: Result<T, BadFrame>) -> Result<T, ClientError> {
        decoded.map_err(|reason| self.bad(reason))
    }

    fn bad(&self, reason: BadFrame) -> ClientError {
        ClientError::Protocol { worker: self.worker.to_string(), reason }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.say_goodbye();
    }
}
