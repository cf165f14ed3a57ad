//! A worker in a thread: it welcomes everybody, and answers calls as a function of the test says.

use protocol::{
    AppName, AppStatus, CallHead, Catalog, ConnectionStats, ControlReply, ControlRequest,
    EncodeBody, ExecutorStatus, FLAG_JSON, FLAG_OUTPUT, Failure, Function, FunctionStats,
    HEADER_BYTES, HELLO_BYTES_MAX, Header, Hello, Isolation, JobsStatus, Kind, Lacking, Limits,
    Membership, PREFACE_BYTES, Param, PoolStatus, Purpose, Refused, ReleaseId, Replacements,
    Routing, StatusReport, Welcome, body_from_slice, check_preface, control_frame,
};
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tempfile::TempDir;

/// A call as it arrived.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) function: String,
    pub(crate) pool: String,
    pub(crate) arguments: String,
    pub(crate) budget_ms: u32,
}

/// What the worker does with a call.
#[derive(Debug)]
pub(crate) enum Reply {
    /// JSON, and what was printed.
    Return(&'static str, &'static str),
    Fail(Failure),
    /// Closes the connection instead.
    HangUp,
    /// Never answers.
    Silence,
}

type Answering = dyn Fn(&Received) -> Reply + Send + Sync;

/// Lives until the test's process ends; its socket goes with it.
pub(crate) struct FakeWorker {
    folder: TempDir,
    /// Connection and request id of each call that it was asked to cancel.
    pub(crate) cancelled: Receiver<(u64, u64)>,
}

/// Name of every connection on this worker.
pub(crate) const CONNECTION: u64 = 0x1_0000_0007;

impl FakeWorker {
    /// A worker that has the functions `greet` (pool default) and `count` (pool resident).
    pub(crate) fn answering(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer))
    }

    /// A worker that lets nobody in.
    pub(crate) fn refusing(refused: Refused) -> Self {
        Self::start(Some(refused), Arc::new(|_: &Received| Reply::HangUp))
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.folder.path().join("worker.sock").display())
    }

    fn start(refused: Option<Refused>, answer: Arc<Answering>) -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let listener =
            UnixListener::bind(folder.path().join("worker.sock")).expect("the folder is ours");
        let (cancel, cancelled) = channel();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (refused, answer) = (refused.clone(), Arc::clone(&answer));
                let cancel = cancel.clone();
                // The client ends the conversation, so an error is no more than its end.
                std::thread::spawn(move || drop(converse(connection, refused, &*answer, &cancel)));
            }
        });
        Self { folder, cancelled }
    }
}

fn converse(
    mut stream: UnixStream,
    refused: Option<Refused>,
    answer: &Answering,
    cancel: &Sender<(u64, u64)>,
) -> io::Result<()> {
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface)?;
    check_preface(preface).expect("our own client");
    let (_, body) = read_frame(&mut stream, HELLO_BYTES_MAX)?;
    let hello: Hello = body_from_slice("Hello", &body).expect("our own client");
    if let Some(refused) = refused {
        return stream.write_all(&control_frame(Header::new(Kind::Refused, 0), &refused));
    }
    let pool = match hello.purpose {
        Purpose::Calls { pool, .. } => pool,
        Purpose::Control | Purpose::Jobs { .. } => String::new(),
    };
    stream.write_all(&control_frame(Header::new(Kind::Welcome, 0), &welcome(&pool)))?;
    loop {
        let (header, body) = read_frame(&mut stream, u32::MAX)?;
        let frame = match header.kind {
            Kind::ControlRequest => control(header.request_id, &body, cancel),
            Kind::Call => match answer(&received(&header, &pool, &body)) {
                Reply::HangUp => return Ok(()),
                Reply::Silence => continue,
                Reply::Return(json, printed) => returned(&header, json, printed),
                Reply::Fail(failure) => {
                    control_frame(Header::new(Kind::Failure, header.request_id), &failure)
                }
            },
            other => panic!("unexpected {other:?}"),
        };
        stream.write_all(&frame)?;
    }
}

fn read_frame(stream: &mut UnixStream, body_bytes_max: u32) -> io::Result<(Header, Vec<u8>)> {
    let mut head = [0; HEADER_BYTES];
    stream.read_exact(&mut head)?;
    let header = Header::parse(&head, body_bytes_max).expect("our own client").expect("all of it");
    let mut body = vec![0; header.frame_bytes() - HEADER_BYTES];
    stream.read_exact(&mut body)?;
    Ok((header, body))
}

fn received(header: &Header, pool: &str, body: &[u8]) -> Received {
    assert_ne!(header.flags & FLAG_JSON, 0, "the command line speaks JSON");
    let (head, arguments) = CallHead::parse(body).expect("our own client");
    Received {
        function: head.function.to_owned(),
        pool: pool.to_owned(),
        arguments: String::from_utf8(arguments.to_vec()).expect("JSON is text"),
        budget_ms: header.budget_ms,
    }
}

fn returned(call: &Header, json: &str, printed: &str) -> Vec<u8> {
    let mut header = Header::new(Kind::Return, call.request_id);
    header.release_id = 0x5eed;
    header.flags = call.flags;
    let mut frame = Vec::new();
    let Ok(_) = frame.put_frame(header, |body| {
        if call.flags & FLAG_OUTPUT != 0 {
            body.extend_from_slice(&(printed.len() as u32).to_le_bytes());
            body.extend_from_slice(printed.as_bytes());
        }
        body.extend_from_slice(json.as_bytes());
        Ok::<(), Infallible>(())
    });
    frame
}

fn control(request_id: u64, body: &[u8], cancel: &Sender<(u64, u64)>) -> Vec<u8> {
    let reply = match body_from_slice("control request", body).expect("our own client") {
        ControlRequest::Status => ControlReply::Status(Box::new(report())),
        ControlRequest::Catalog { app } if app.is_any() || app == shop() => {
            ControlReply::Catalog(catalog())
        }
        ControlRequest::Catalog { app } => ControlReply::Refused {
            message: format!("there is no application \"{app}\""),
            near: vec!["shop".to_owned()],
        },
        ControlRequest::Cancel { connection, request_id } => {
            let found = cancel.send((connection, request_id)).is_ok();
            ControlReply::Cancelled { found }
        }
        ControlRequest::Membership => ControlReply::Membership(Membership::default()),
        ControlRequest::Routing { .. } => ControlReply::Routing(Routing::default()),
        ControlRequest::Invalidate { .. } => {
            ControlReply::Invalidated { lacking: Lacking::Nothing, near: Vec::new(), epoch: 0 }
        }
    };
    control_frame(Header::new(Kind::ControlReply, request_id), &reply)
}

fn shop() -> AppName {
    AppName::new("shop").expect("a good name")
}

fn welcome(pool: &str) -> Welcome {
    Welcome {
        version: "0.0.0".to_owned(),
        connection: CONNECTION,
        app: shop(),
        pool: pool.to_owned(),
        release: ReleaseId(0x5eed),
        routing: Routing::default(),
        catalog_hash: 1,
        catalog: None,
        membership: Membership::default(),
        limits: Limits { frame_bytes_max: 1 << 20, value_depth_max: 64 },
        executors_max: 2,
        busy_poll_us: 0,
        board: None,
        ledger: None,
    }
}

fn catalog() -> Catalog {
    Catalog {
        app: shop(),
        release: ReleaseId(0x5eed),
        functions: vec![function("count", "resident"), function("greet", "default")],
        classes: Vec::new(),
    }
}

fn function(name: &str, pool: &str) -> Function {
    Function {
        name: name.to_owned(),
        pool: pool.to_owned(),
        params: vec![Param {
            name: "whom".to_owned(),
            ty: Some("string".to_owned()),
            optional: true,
            default: Some("'you'".to_owned()),
            by_ref: false,
            variadic: false,
            ..Param::default()
        }],
        returns: Some("string".to_owned()),
        timeout_ms: Some(2_500),
        affinity: None,
        idempotent: true,
        isolation: Isolation::Stateless,
        attributes: Vec::new(),
        doc: None,
        file: "functions.php".to_owned(),
        line: 3,
        ..Function::default()
    }
}

fn report() -> StatusReport {
    let executor = ExecutorStatus {
        pid: 4_001,
        state: "running".to_owned(),
        calls: 12,
        rss_bytes: 5 << 20,
        function: Some("greet".to_owned()),
        running_us: 1_500,
    };
    StatusReport {
        version: "0.0.0".to_owned(),
        pid: 4_000,
        uptime_ms: 60_000,
        rss_bytes: 2 << 20,
        listeners: vec!["unix:/worker.sock".to_owned()],
        membership: Membership::default(),
        connections: ConnectionStats {
            open: 1,
            max: 10,
            accepted: 2,
            refused: 3,
            unread: 4,
            unread_bytes: 5 * 1024 * 1024,
        },
        apps: vec![AppStatus {
            app: shop(),
            release: ReleaseId(0x5eed),
            state: "running".to_owned(),
            root: "/srv/shop".to_owned(),
            prototype_pid: 4_002,
            pools: vec![PoolStatus {
                pool: "default".to_owned(),
                isolation: Isolation::Stateless,
                executors_min: 1,
                executors_max: 4,
                connections: 1,
                died: 0,
                recycled: 0,
                replacements: Replacements::default(),
                executors: vec![executor],
            }],
            functions: vec![FunctionStats {
                function: "greet".to_owned(),
                calls: 12,
                errors: 1,
                total_us: 99,
                histogram: vec![0, 11, 1],
            }],
            warnings: vec!["lib.php: not preloaded".to_owned()],
        }],
        jobs: JobsStatus::default(),
    }
}
