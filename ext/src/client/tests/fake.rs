//! A worker that does what a script says, on a thread of its own.

use super::PATIENCE;
use net::Address;
use protocol::{
    Accepted, AppName, BadFrame, CallHead, Catalog, ControlReply, ControlRequest, Failure,
    Function, HEADER_BYTES, Header, Hello, JobId, JobReply, JobRequest, Kind, Limits, Membership,
    NewJob, PREFACE_BYTES, Purpose, Refused, RefusedCode, ReleaseId, Routing, Welcome,
    body_from_slice, check_preface, control_frame,
};
use rustix::io::ioctl_fionbio;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// Tells workers of one process apart.
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(super) struct Fake {
    address: Address,
    thread: JoinHandle<Door>,
}

impl Fake {
    /// A worker on this host's socket. The script's panics come to light in [`Fake::finish`].
    pub(super) fn start(script: impl FnOnce(&Door) + Send + 'static) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("appserver-fake-{}-{number}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        // A process of the same number that was killed may have left it.
        let _ = std::fs::remove_file(&path);
        let door = Door::Unix(UnixListener::bind(&path).unwrap());
        Self::behind(door, Address::Unix(path), script)
    }

    /// As [`Fake::start`], on a TCP port.
    pub(super) fn start_afar(script: impl FnOnce(&Door) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
        Self::behind(Door::Tcp(listener), address, script)
    }

    fn behind(door: Door, address: Address, script: impl FnOnce(&Door) + Send + 'static) -> Self {
        set_socket_timeout(door.fd(), Timeout::Recv, Some(PATIENCE)).unwrap();
        let thread = std::thread::spawn(move || {
            script(&door);
            door
        });
        Self { address, thread }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits for the script's end. Nobody may stand before the door whom the script did not expect.
    pub(super) fn finish(self) {
        let ended = self.thread.join();
        if let Address::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
        let door = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ioctl_fionbio(door.fd(), true).unwrap();
        assert_eq!(door.accept().err(), Some(ErrorKind::WouldBlock));
    }
}

/// Where clients come in.
pub(super) enum Door {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Door {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }

    fn accept(&self) -> Result<File, ErrorKind> {
        let accepted = rustix::net::accept(self.fd());
        accepted.map(File::from).map_err(|error| std::io::Error::from(error).kind())
    }

    /// The next client, which has not said hello yet.
    pub(super) fn open(&self) -> Peer {
        let stream = self.accept().expect("a client connects");
        set_socket_timeout(&stream, Timeout::Recv, Some(PATIENCE)).unwrap();
        Peer(stream)
    }

    /// The next client, its hello answered with `welcome`.
    pub(super) fn welcome(&self, welcome: &Welcome) -> (Peer, Hello) {
        let mut peer = self.open();
        let hello = peer.hello();
        peer.write(&control_frame(Header::new(Kind::Welcome, 0), welcome));
        (peer, hello)
    }

    /// The next client, who asks for a connection of this release.
    pub(super) fn welcome_named(&self, release: u64) -> Peer {
        let welcome = Welcome { release: ReleaseId(release), ..welcome() };
        let (peer, hello) = self.welcome(&welcome);
        assert_eq!(asked_for(&hello), ReleaseId(release));
        peer
    }

    /// The next client, who asks for a release that is not here.
    pub(super) fn refuse_named(&self, release: u64) {
        let hello = self.refuse(RefusedCode::ReleaseGone);
        assert_eq!(asked_for(&hello), ReleaseId(release));
    }

    /// The next client, who is not let in.
    pub(super) fn refuse(&self, code: RefusedCode) -> Hello {
        let mut peer = self.open();
        let hello = peer.hello();
        let refused = Refused { code, message: "refused".to_owned(), near: Vec::new() };
        peer.write(&control_frame(Header::new(Kind::Refused, 0), &refused));
        hello
    }

    /// The next client, who has questions.
    pub(super) fn questions(&self) -> Peer {
        let (peer, hello) = self.welcome(&welcome());
        assert_eq!(hello.purpose, Purpose::Control);
        peer
    }

    /// The next client, who has jobs for the ledger with this tag.
    pub(super) fn jobs(&self, tag: u16) -> Peer {
        let (peer, hello) = self.welcome(&Welcome { ledger: Some(tag), ..welcome() });
        assert_eq!(hello.purpose, Purpose::Jobs { app: AppName::default() });
        peer
    }

    /// As [`Door::welcome`], and its first call.
    pub(super) fn first_call(&self) -> (Peer, Header) {
        let (mut peer, _) = self.welcome(&welcome());
        let call = peer.call();
        (peer, call)
    }
}

/// A client's connection. Dropping it hangs up.
pub(super) struct Peer(File);

impl Peer {
    pub(super) fn hello(&mut self) -> Hello {
        let mut preface = [0; PREFACE_BYTES];
        self.0.read_exact(&mut preface).unwrap();
        assert_eq!(check_preface(preface), Ok::<(), BadFrame>(()));
        let (_, body) = self.frame(Kind::Hello);
        body_from_slice("Hello", &body).unwrap()
    }

    pub(super) fn frame(&mut self, kind: Kind) -> (Header, Vec<u8>) {
        let mut bytes = [0; HEADER_BYTES];
        self.0.read_exact(&mut bytes).unwrap();
        let header = Header::parse(&bytes, u32::MAX).unwrap().unwrap();
        assert_eq!(header.kind, kind);
        let mut body = vec![0; header.length as usize];
        self.0.read_exact(&mut body).unwrap();
        (header, body)
    }

    pub(super) fn call(&mut self) -> Header {
        let (header, body) = self.frame(Kind::Call);
        assert!(CallHead::parse(&body).is_ok());
        header
    }

    /// A value; the client's caller sees its bytes as they are.
    pub(super) fn give(&mut self, call: &Header, value: &[u8]) {
        self.reply(Header { release_id: 0, ..answer_to(call, Kind::Return) }, value);
    }

    /// The next call, which names this version; 0 = any.
    pub(super) fn call_in(&mut self, release: u64, settings: u16) -> Header {
        let call = self.call();
        assert_eq!((call.release_id, call.settings), (release, settings));
        call
    }

    /// A value that a version of the application gave.
    pub(super) fn give_from(&mut self, call: &Header, value: &[u8], release: u64, settings: u16) {
        let header = answer_to(call, Kind::Return);
        self.reply(Header { release_id: release, settings, ..header }, value);
    }

    /// Answers the next question, which has to be this one.
    pub(super) fn tell(&mut self, question: &ControlRequest, reply: &ControlReply) {
        let (header, body) = self.frame(Kind::ControlRequest);
        let asked: ControlRequest = body_from_slice("ControlRequest", &body).unwrap();
        assert_eq!(asked, *question);
        let header = Header::new(Kind::ControlReply, header.request_id);
        self.write(&control_frame(header, reply));
    }

    /// The next request about jobs.
    pub(super) fn request(&mut self) -> (Header, JobRequest) {
        let (header, body) = self.frame(Kind::JobRequest);
        (header, body_from_slice("JobRequest", &body).unwrap())
    }

    /// Takes the next request, which has to be to store one job, as this one.
    pub(super) fn store(&mut self, id: JobId) -> NewJob {
        let (header, request) = self.request();
        let JobRequest::Enqueue { mut jobs, batch: None } = request else { panic!("{request:?}") };
        let accepted = Accepted { id, existing: false };
        self.answer(&header, &JobReply::Accepted { jobs: vec![accepted], batch: None });
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    /// Answers a request about jobs.
    pub(super) fn answer(&mut self, request: &Header, reply: &JobReply) {
        self.write(&control_frame(answer_to(request, Kind::JobReply), reply));
    }

    /// Answers the question where requests go.
    pub(super) fn tell_routing(&mut self, routing: Routing) {
        let question = ControlRequest::Routing { app: AppName::default() };
        self.tell(&question, &ControlReply::Routing(routing));
    }

    /// Answers the question for the catalog.
    pub(super) fn tell_catalog(&mut self, catalog: Catalog) {
        let question = ControlRequest::Catalog { app: AppName::default() };
        self.tell(&question, &ControlReply::Catalog(catalog));
    }

    pub(super) fn reply(&mut self, mut header: Header, body: &[u8]) {
        header.length = u32::try_from(body.len()).unwrap();
        self.write(&[&header.to_bytes()[..], body].concat());
    }

    pub(super) fn fail(&mut self, call: &Header, failure: &Failure) {
        self.fail_from(call, failure, 0, 0);
    }

    /// A failure in a version of the application.
    pub(super) fn fail_from(
        &mut self,
        call: &Header,
        failure: &Failure,
        release: u64,
        settings: u16,
    ) {
        let header = answer_to(call, Kind::Failure);
        self.write(&control_frame(Header { release_id: release, settings, ..header }, failure));
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Hangs up before anything else is done.
    pub(super) fn hang_up(self) {
        drop(self);
    }

    /// Waits until the client hangs up.
    pub(super) fn until_closed(mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }
}

/// The header of an answer that says nothing beyond it.
pub(super) fn answer_to(call: &Header, kind: Kind) -> Header {
    Header::new(kind, call.request_id)
}

/// A worker of one application with the functions `once` and, idempotent, `again`.
pub(super) fn welcome() -> Welcome {
    Welcome {
        version: "0".to_owned(),
        connection: 1,
        app: AppName::default(),
        pool: "default".to_owned(),
        release: ReleaseId(7),
        routing: Routing { current: ReleaseId(7), settings: 1, ..Routing::default() },
        catalog_hash: 1,
        catalog: Some(catalog(7)),
        membership: Membership::default(),
        limits: Limits { frame_bytes_max: 1 << 20, value_depth_max: 64 },
        executors_max: 2,
        busy_poll_us: 0,
        board: None,
        ledger: None,
    }
}

/// The release that a hello names.
pub(super) fn asked_for(hello: &Hello) -> ReleaseId {
    match &hello.purpose {
        Purpose::Calls { release, .. } => *release,
        Purpose::Control | Purpose::Jobs { .. } => panic!("a connection for calls was expected"),
    }
}

/// A routing to this version.
pub(super) fn to(release: u64, settings: u16) -> Routing {
    Routing { current: ReleaseId(release), settings, ..Routing::default() }
}

pub(super) fn catalog(release: u64) -> Catalog {
    Catalog {
        app: AppName::default(),
        release: ReleaseId(release),
        functions: vec![function("again", true), function("once", false)],
        classes: Vec::new(),
    }
}

fn function(name: &str, idempotent: bool) -> Function {
    Function {
        name: name.to_owned(),
        pool: "default".to_owned(),
        idempotent,
        ..Function::default()
    }
}
