//! Attempts: calls of the worker itself, over connections that executors read like any client's.

use super::super::connections::ConnectionId;
use super::super::door::Door;
use super::super::event::{Event, Verdict};
use super::Jobs;
use super::command::{Command, Order};
use super::verdict::ended;
use jobs::{Ended, Start};
use protocol::{
    AppName, CallHead, ClientInfo, ControlRequest, EncodeBody, FLAG_JOB, Failure, HEADER_BYTES,
    Header, Hello, Kind, Purpose, ReleaseId, body_from_slice,
};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

/// How those of the worker itself are called among its connections.
pub(in crate::serve) const PEER: &str = "jobs";
/// Idle connections that are kept for each pool.
const IDLE_MAX: usize = 64;
/// How often an attempt is sent again because its release was just replaced.
const MOVES_MAX: u32 = 16;
/// What is allocated before any byte of a body has come, at most.
const FIRST_BYTES_MAX: usize = 64 * 1024;

/// Runs what the keeper begins.
#[derive(Clone)]
pub(in crate::serve) struct Foreman {
    door: Door,
    jobs: Jobs,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    idle: HashMap<(AppName, String), Vec<Link>>,
    /// By its job's number.
    running: HashMap<u64, Attempt>,
    /// Of the last call: none is used twice, because a cancelled call is known by it.
    request_id: u64,
}

/// One that runs.
#[derive(Clone, Copy, Default)]
struct Attempt {
    /// Its connection and request, once it has them.
    call: Option<(ConnectionId, u64)>,
    /// Somebody asked for its end.
    interrupted: bool,
}

/// A connection to a pool.
struct Link {
    stream: UnixStream,
    id: ConnectionId,
}

impl Foreman {
    pub(in crate::serve) fn new(door: Door, jobs: Jobs) -> Self {
        Self { door, jobs, shared: Arc::default() }
    }

    /// Until the worker ends.
    pub(in crate::serve) async fn run(self, mut orders: UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            let foreman = self.clone();
            match order {
                Order::Begin(start) => {
                    // Here and now: what is said of it next is an order to end it.
                    self.shared().running.insert(start.seq, Attempt::default());
                    tokio::spawn(async move { foreman.finish(*start).await });
                }
                Order::Interrupt(seq) => {
                    tokio::spawn(async move { foreman.interrupt(seq).await });
                }
            }
        }
    }

    async fn finish(&self, start: Start) {
        let (seq, attempt) = (start.seq, start.context.attempt);
        let ended = self.attempt(start).await;
        self.shared().running.remove(&seq);
        self.jobs.send(Command::Finished { seq, attempt, ended });
    }

    /// Asks for the end of a running attempt.
    async fn interrupt(&self, seq: u64) {
        let call = self.shared().running.get_mut(&seq).and_then(|attempt| {
            attempt.interrupted = true;
            attempt.call
        });
        if let Some((connection, request_id)) = call {
            let connection = connection.to_u64();
            let request = ControlRequest::Cancel { connection, request_id };
            let (reply, _) = oneshot::channel();
            let _ = self.door.events.send(Event::Control { request, reply }).await;
        }
    }

    async fn attempt(&self, start: Start) -> Ended {
        let pool = (start.app.clone(), start.pool.clone());
        let request_id = self.next_request_id();
        let frame = frame_of(&start, request_id);
        for _ in 0..MOVES_MAX {
            let mut link = match self.link(&pool).await {
                Ok(link) => link,
                Err(reason) => return Ended::NotBegun(reason),
            };
            if !self.note_call(start.seq, (link.id, request_id)) {
                self.keep(pool, link);
                return Ended::Failed("it was cancelled".to_owned());
            }
            let answer = self.call(&mut link, &frame, &start).await;
            match answer {
                Ok(Answer::Return(result)) => {
                    self.keep(pool, link);
                    return Ended::Returned(result);
                }
                Ok(Answer::Failure(Failure::Moved)) => self.keep(pool.clone(), link),
                Ok(Answer::Failure(failure)) => {
                    if !leads_elsewhere(&failure) {
                        self.keep(pool, link);
                    }
                    return ended(failure);
                }
                Err(error) => {
                    return Ended::Crashed(format!(
                        "its executor ended without an answer: {error}"
                    ));
                }
            }
        }
        Ended::NotBegun("the release was changing".to_owned())
    }

    fn next_request_id(&self) -> u64 {
        let mut shared = self.shared();
        shared.request_id += 1;
        shared.request_id
    }

    /// `false` when its end was asked for already.
    fn note_call(&self, seq: u64, call: (ConnectionId, u64)) -> bool {
        let mut shared = self.shared();
        let attempt = shared.running.entry(seq).or_default();
        attempt.call = Some(call);
        !attempt.interrupted
    }

    async fn call(&self, link: &mut Link, frame: &[u8], start: &Start) -> io::Result<Answer> {
        link.stream.write_all(frame).await?;
        loop {
            let (header, body) = self.read_frame(&mut link.stream).await?;
            match header.kind {
                Kind::Progress => {
                    if let Ok(progress) = body_from_slice("progress", &body) {
                        let (seq, attempt) = (start.seq, start.context.attempt);
                        self.jobs.send(Command::Progress { seq, attempt, progress });
                    }
                }
                Kind::Return => return Ok(Answer::Return(body)),
                Kind::Failure => {
                    let failure = body_from_slice("failure", &body).map_err(io::Error::other)?;
                    return Ok(Answer::Failure(failure));
                }
                other => return Err(io::Error::other(format!("unexpected {other:?} frame"))),
            }
        }
    }

    async fn read_frame(&self, stream: &mut UnixStream) -> io::Result<(Header, Vec<u8>)> {
        let mut head = [0; HEADER_BYTES];
        stream.read_exact(&mut head).await?;
        let limit = self.door.settings.daemon.limits.frame_bytes_max;
        let header = Header::parse(&head, limit).map_err(io::Error::other)?;
        let header = header.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut body = Vec::with_capacity((header.length as usize).min(FIRST_BYTES_MAX));
        stream.take(header.length.into()).read_to_end(&mut body).await?;
        match body.len() == header.length as usize {
            true => Ok((header, body)),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// An idle connection that nobody hung up, or a new one.
    async fn link(&self, pool: &(AppName, String)) -> Result<Link, String> {
        loop {
            let idle = self.shared().idle.get_mut(pool).and_then(Vec::pop);
            let Some(link) = idle else {
                return self.connect(pool).await;
            };
            let mut byte = [0; 1];
            let nothing = link.stream.try_read(&mut byte);
            if nothing.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return Ok(link);
            }
        }
    }

    fn keep(&self, pool: (AppName, String), link: Link) {
        let mut shared = self.shared();
        let idle = shared.idle.entry(pool).or_default();
        if idle.len() < IDLE_MAX {
            idle.push(link);
        }
    }

    async fn connect(&self, pool: &(AppName, String)) -> Result<Link, String> {
        let (inside, executors) = StdUnixStream::pair().map_err(|error| error.to_string())?;
        inside.set_nonblocking(true).map_err(|error| error.to_string())?;
        let stream = UnixStream::from_std(inside).map_err(|error| error.to_string())?;
        let (app, name) = pool.clone();
        let purpose = Purpose::Calls { app, pool: name, release: ReleaseId::ANY };
        let client = ClientInfo::default();
        let hello = Hello { purpose, client, catalog_hash: 0, token: None };
        match self.door.ask(hello, PEER.to_owned(), executors.into()).await {
            Some(Verdict::Adopt { id, .. }) => {
                let _ = self.door.events.send(Event::Welcomed(id)).await;
                Ok(Link { stream, id })
            }
            Some(Verdict::Refuse(refused)) => Err(refused.message),
            Some(Verdict::Control { .. } | Verdict::Jobs { .. }) | None => {
                Err("the worker is stopping".to_owned())
            }
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Answer {
    Return(Vec<u8>),
    Failure(Failure),
}

/// Whether its connection is of no use for this pool any more: a swap has moved it to a pool of another
/// name, or to a release that is going.
fn leads_elsewhere(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::WrongPool { .. } | Failure::WrongRelease { .. } | Failure::ReleaseGone { .. }
    )
}

fn frame_of(start: &Start, request_id: u64) -> Vec<u8> {
    let mut header = Header::new(Kind::Call, request_id);
    header.flags = FLAG_JOB;
    header.budget_ms = start.timeout_ms;
    let mut frame = Vec::new();
    let body = |out: &mut Vec<u8>| -> Result<(), Infallible> {
        start.context.put(out);
        CallHead { function: &start.function }.put(out);
        out.extend_from_slice(&start.arguments);
        Ok(())
    };
    let Ok(_) = frame.put_frame(header, body);
    frame
}
