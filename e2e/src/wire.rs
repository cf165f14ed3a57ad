//! A peer that speaks, or misspeaks, the protocol byte by byte.

use protocol::{
    AppName, ClientInfo, HEADER_BYTES, Header, Hello, Kind, PREFACE, Purpose, ReleaseId, Welcome,
    body_from_slice, control_frame,
};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A Hello for calls to the default pool of the only application.
pub fn hello() -> Vec<u8> {
    hello_with(None)
}

/// The same with a secret, as remote callers need.
pub fn hello_with(token: Option<&str>) -> Vec<u8> {
    let purpose = Purpose::Calls {
        app: AppName::default(),
        pool: protocol::DEFAULT_POOL.to_owned(),
        release: ReleaseId::ANY,
    };
    let client = ClientInfo { pid: std::process::id(), sapi: "test".into(), version: "0".into() };
    let hello = Hello { purpose, client, catalog_hash: 0, token: token.map(str::to_owned) };
    let mut bytes = PREFACE.to_vec();
    bytes.extend(control_frame(Header::new(Kind::Hello, 0), &hello));
    bytes
}

/// A raw connection. Reads give up after half a minute.
#[derive(Debug)]
pub struct Wire(pub UnixStream);

impl Wire {
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("the sidecar listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("not zero");
        Self(stream)
    }

    /// Connects and shakes hands.
    pub fn welcomed(socket: &Path) -> (Self, Welcome) {
        let mut wire = Self::connect(socket);
        wire.send(&hello());
        let (header, body) = wire.frame().expect("a Welcome");
        assert_eq!(header.kind, Kind::Welcome);
        let welcome = body_from_slice("Welcome", &body).expect("a Welcome");
        (wire, welcome)
    }

    /// Writes bytes; a peer that has hung up already is no failure.
    pub fn send(&mut self, bytes: &[u8]) {
        match self.0.write_all(bytes) {
            Err(error)
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
            other => other.expect("a unix socket takes bytes"),
        }
    }

    /// The next frame, or `None` when the peer hung up.
    pub fn frame(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut head = [0; HEADER_BYTES];
        if !self.fill(&mut head) {
            return None;
        }
        let header =
            Header::parse(&head, u32::MAX).expect("a good header").expect("a whole header");
        let mut body = vec![0; header.length as usize];
        self.fill(&mut body).then_some((header, body))
    }

    /// Whether the peer hangs up, after whatever it still has to say.
    pub fn is_hung_up(&mut self) -> bool {
        while self.frame().is_some() {}
        true
    }

    fn fill(&mut self, buffer: &mut [u8]) -> bool {
        match self.0.read_exact(buffer) {
            Ok(()) => true,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ) =>
            {
                false
            }
            Err(error) => panic!("the peer neither answered nor hung up: {error}"),
        }
    }
}
