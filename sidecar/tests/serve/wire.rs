//! A caller that speaks the protocol itself. Arguments and results are JSON.

use protocol::{
    AppName, CallHead, ClientInfo, ControlReply, ControlRequest, EncodeBody, FLAG_JSON, Failure,
    HEADER_BYTES, Header, Hello, Kind, PREFACE, Purpose, Refused, ReleaseId, StatusReport, Welcome,
    body_from_slice, control_frame,
};
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest any answer may take; generous, because the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, by whatever it travels.
pub(crate) struct Wire<S>(pub(crate) S);

/// What a call came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Returned(String),
    Failed(Failure),
    HungUp,
}

impl Wire<UnixStream> {
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("the worker listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        Self(stream)
    }

    /// Connected for calls of the only application.
    pub(crate) fn welcomed(socket: &Path) -> Self {
        let mut wire = Self::connect(socket);
        wire.hello(calls(), None).expect("a Welcome");
        wire
    }
}

impl Wire<TcpStream> {
    pub(crate) fn connect_tcp(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the worker listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        Self(stream)
    }
}

pub(crate) fn calls() -> Purpose {
    let pool = protocol::DEFAULT_POOL.to_owned();
    Purpose::Calls { app: AppName::default(), pool, release: ReleaseId::ANY }
}

impl<S: Read + Write> Wire<S> {
    pub(crate) fn hello(
        &mut self,
        purpose: Purpose,
        token: Option<&str>,
    ) -> Result<Welcome, Refused> {
        let token = token.map(str::to_owned);
        let hello = Hello { purpose, client: ClientInfo::default(), catalog_hash: 0, token };
        let frame = control_frame(Header::new(Kind::Hello, 0), &hello);
        self.0.write_all(&[PREFACE.as_slice(), &frame].concat()).expect("a Hello fits");
        let (header, body) = self.frame().expect("an answer to Hello");
        match header.kind {
            Kind::Welcome => Ok(body_from_slice("Welcome", &body).expect("a Welcome")),
            Kind::Refused => Err(body_from_slice("Refused", &body).expect("a Refused")),
            kind => panic!("{kind:?} in answer to Hello"),
        }
    }

    /// Sends a call; `arguments` is a JSON array.
    pub(crate) fn send_call(&mut self, function: &str, arguments: &str, budget_ms: u32) {
        self.0.write_all(&call_frame(function, arguments, budget_ms)).expect("the worker reads");
    }

    pub(crate) fn outcome(&mut self) -> Outcome {
        let Some((header, body)) = self.frame() else {
            return Outcome::HungUp;
        };
        match header.kind {
            Kind::Return => Outcome::Returned(String::from_utf8(body).expect("JSON")),
            Kind::Failure => Outcome::Failed(body_from_slice("Failure", &body).expect("a Failure")),
            kind => panic!("{kind:?} in answer to a call"),
        }
    }

    pub(crate) fn call(&mut self, function: &str, arguments: &str) -> Outcome {
        self.send_call(function, arguments, 0);
        self.outcome()
    }

    pub(crate) fn ask(&mut self, request: &ControlRequest) -> ControlReply {
        let frame = control_frame(Header::new(Kind::ControlRequest, 1), request);
        self.0.write_all(&frame).expect("the worker reads");
        let (header, body) = self.frame().expect("a reply");
        assert_eq!(header.kind, Kind::ControlReply);
        body_from_slice("reply", &body).expect("a reply")
    }

    pub(crate) fn status(&mut self) -> StatusReport {
        match self.ask(&ControlRequest::Status) {
            ControlReply::Status(report) => *report,
            other => panic!("{other:?} in answer to Status"),
        }
    }

    /// The next frame; `None` when the worker hung up.
    pub(crate) fn frame(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut head = [0; HEADER_BYTES];
        self.fill(&mut head)?;
        let header = Header::parse(&head, u32::MAX).expect("a header").expect("all of it");
        let mut body = vec![0; header.length as usize];
        self.fill(&mut body)?;
        Some((header, body))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.0.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if hung_up(&error) => None,
            Err(error) => panic!("the worker neither answered nor hung up: {error}"),
        }
    }
}

pub(crate) fn call_frame(function: &str, arguments: &str, budget_ms: u32) -> Vec<u8> {
    let mut header = Header::new(Kind::Call, 7);
    (header.flags, header.budget_ms) = (FLAG_JSON, budget_ms);
    let mut frame = Vec::new();
    let written = frame.put_frame(header, |body| {
        CallHead { function }.put(body);
        body.extend_from_slice(arguments.as_bytes());
        Ok::<_, Infallible>(())
    });
    written.map(|_| frame).unwrap_or_else(|never| match never {})
}

fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
