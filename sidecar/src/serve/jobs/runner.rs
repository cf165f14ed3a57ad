//! Attempts: calls of the worker itself, over connections that executors read like any client's.

use super::super::connections::ConnectionId;
use super::super::door::Door;
use super::super::event::Event;
use super::super::fault;
use super::Jobs;
use super::command::{Command, Order};
use super::defect;
use super::links::Link;
use super::unbegun;
use super::verdict::ended;
use jobs::{Ended, Start};
use protocol::{
    AppName, CallHead, ControlRequest, EncodeBody, FLAG_JOB, Failure, Header, Kind, body_from_slice,
};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

/// How those of the worker itself are called among its connections.
pub(in crate::serve) const PEER: &str = "jobs";
/// How often an attempt is sent again because its release was just replaced.
const MOVES_MAX: u32 = 16;
/// Executors that may die over it before it began; so many are no accident.
const UNBEGUN_MAX: u32 = 3;

/// Runs what the keeper begins.
#[derive(Clone)]
pub(in crate::serve) struct Foreman {
    pub(super) door: Door,
    jobs: Jobs,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) idle: HashMap<(AppName, String), Vec<Link>>,
    /// By its job's number.
    running: HashMap<u64, Attempt>,
    /// Of the last call: none is used twice, because a cancelled call is known by it.
    request_id: u64,
}

/// Connection and request, by which it is cancelled.
type Call = (ConnectionId, u64);

/// One that runs.
#[derive(Clone, Copy, Default)]
struct Attempt {
    call: Option<Call>,
    /// Somebody asked for its end.
    interrupted: bool,
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
                // Both are noted here and now: what is said next of a job is about what was said before,
                // and an order to end an attempt is not about the one after it.
                Order::Begin(start) => {
                    self.shared().running.insert(start.seq, Attempt::default());
                    tokio::spawn(async move { foreman.finish(*start).await });
                }
                Order::Interrupt(seq) => {
                    if let Some(call) = self.note_interrupt(seq) {
                        tokio::spawn(async move { foreman.cancel(call).await });
                    }
                }
            }
        }
    }

    async fn finish(&self, start: Start) {
        let (seq, attempt) = (start.seq, start.context.attempt);
        let mut place = Place { foreman: self, seq, attempt, ended: None };
        let mut link = None;
        place.ended = Some(match defect::caught(self.attempt(start, &mut link)).await {
            Ok(ended) => ended,
            Err(what) => {
                if let Some(link) = link {
                    self.see_to_its_end(seq, link).await;
                }
                Ended::Crashed(format!("a defect of the worker: {what}"))
            }
        });
    }

    /// Nobody can say any more what comes back over this connection: the call is interrupted, and over
    /// when its executor has hung up, because no other attempt may begin before.
    async fn see_to_its_end(&self, seq: u64, link: Link) {
        if let Some(call) = self.note_interrupt(seq) {
            self.cancel(call).await;
        }
        link.hang_up().await;
    }

    /// The end of a running attempt is asked for: its call, once it has one.
    fn note_interrupt(&self, seq: u64) -> Option<Call> {
        self.shared().running.get_mut(&seq).and_then(|attempt| {
            attempt.interrupted = true;
            attempt.call
        })
    }

    async fn cancel(&self, (connection, request_id): Call) {
        let connection = connection.to_u64();
        let request = ControlRequest::Cancel { connection, request_id };
        let (reply, _) = oneshot::channel();
        let _ = self.door.events.send(Event::Control { request, reply }).await;
    }

    /// `used` has the connection while a call is on it.
    async fn attempt(&self, start: Start, used: &mut Option<Link>) -> Ended {
        let pool = (start.app.clone(), start.pool.clone());
        let request_id = self.next_request_id();
        let frame = frame_of(&start, request_id);
        let mut unbegun = 0;
        for _ in 0..MOVES_MAX {
            let link = match self.link(&pool).await {
                Ok(link) => link,
                Err(reason) => return Ended::NotBegun(reason),
            };
            if !self.note_call(start.seq, (link.id, request_id)) {
                self.keep(pool, link);
                return Ended::Failed("it was cancelled".to_owned());
            }
            let answer = self.call(used.insert(link), &frame, &start).await;
            let link = used.take().filter(|_| answer.as_ref().is_ok_and(Answer::leaves_its_link));
            link.into_iter().for_each(|link| self.keep(pool.clone(), link));
            match answer {
                Ok(Answer::Return(result)) => return Ended::Returned(result),
                Ok(Answer::Failure(Failure::Moved)) => {}
                Ok(Answer::Unbegun) if unbegun + 1 < UNBEGUN_MAX => unbegun += 1,
                Ok(Answer::Unbegun) => {
                    return Ended::Crashed(format!(
                        "{UNBEGUN_MAX} executors died while they read it, one after the other"
                    ));
                }
                Ok(Answer::Failure(failure)) => return ended(failure),
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
    fn note_call(&self, seq: u64, call: Call) -> bool {
        let mut shared = self.shared();
        let attempt = shared.running.entry(seq).or_default();
        attempt.call = Some(call);
        !attempt.interrupted
    }

    async fn call(&self, link: &mut Link, frame: &[u8], start: &Start) -> io::Result<Answer> {
        let written = link.write(frame).await.is_ok();
        assert!(!fault::is_here("jobs.runner_defect"), "the defect that a test asked for");
        let limit = self.door.settings.daemon.limits.frame_bytes_max;
        loop {
            let (header, body) = match link.read_frame(limit).await {
                // What was not written to its end cannot have begun.
                Err(_) if !written => return Ok(Answer::Unbegun),
                read => read?,
            };
            if unbegun::is_told_by(&header) {
                return Ok(Answer::Unbegun);
            }
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

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a running attempt takes: it is given back whatever becomes of the task, because nothing else
/// ever would.
struct Place<'a> {
    foreman: &'a Foreman,
    seq: u64,
    attempt: u32,
    ended: Option<Ended>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Self { foreman, seq, attempt, .. } = *self;
        let ended = self.ended.take();
        // Only a worker that ends drops a task.
        let ended = ended.unwrap_or(Ended::Interrupted);
        foreman.shared().running.remove(&seq);
        foreman.jobs.send(Command::Finished { seq, attempt, ended });
    }
}

enum Answer {
    Return(Vec<u8>),
    Failure(Failure),
    /// The executor is gone, and nothing of it has run.
    Unbegun,
}

impl Answer {
    /// Whether its connection can be used for its pool again. A swap may have moved it to a pool of
    /// another name, or to a release that is going.
    fn leaves_its_link(&self) -> bool {
        let elsewhere = |failure: &Failure| {
            matches!(
                failure,
                Failure::WrongPool { .. }
                    | Failure::WrongRelease { .. }
                    | Failure::ReleaseGone { .. }
            )
        };
        match self {
            Self::Return(_) => true,
            Self::Failure(failure) => !elsewhere(failure),
            Self::Unbegun => false,
        }
    }
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
