//! Attempts begin, in the order in which it is their turn.

use super::Engine;
use super::lanes::{Place, Standing};
use crate::pending::ReadError;
use crate::record::{Body, Head, Tail};
use ledger::{Change, Reader};
use protocol::{AppName, JOBS_POOL, JobContext, JobId, JobState, NewJob};

/// An attempt that begins when the commit is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub seq: u64,
    pub app: AppName,
    pub function: String,
    pub context: JobContext,
    /// In the value codec.
    pub arguments: Vec<u8>,
    /// 0 = as long as it takes.
    pub timeout_ms: u32,
    /// Of the release's executors.
    pub pool: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With what it returned, in the value codec.
    Returned(Vec<u8>),
    /// It threw, or was refused: counts as a failure.
    Failed(String),
    TimedOut(String),
    /// Its executor died or gave PHP's request up: counts as a crash.
    Crashed(String),
    /// The worker is stopping: counts as nothing.
    Interrupted,
    /// Nothing of it ran: counts as nothing, and is tried again soon.
    NotBegun(String),
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) head: Head,
    pub(super) tail: Tail,
    pub(super) then: Vec<NewJob>,
    pub(super) kind: u32,
    /// The group's lane, if it is in a group.
    pub(super) lane: Option<u32>,
    pub(super) began_steady_ms: u64,
    pub(super) cancelled: bool,
}

impl Engine {
    /// Begins as many attempts as there are slots for. Each is recorded before it runs, so that one that
    /// takes the worker along is counted.
    pub fn dispatch(&mut self, reader: &dyn Reader) -> Result<Vec<Start>, ReadError> {
        let mut starts = Vec::new();
        self.admit_held();
        for app in 0..self.apps.len() {
            while self.apps[app].running < self.apps[app].slots {
                let Some((rank, lane)) = self.apps[app].ready.first().copied() else {
                    break;
                };
                // What it shared a limit with may have begun since it was placed.
                if self.standing_of(lane) == Standing::Ready(rank) {
                    starts.extend(self.begin_first_of(lane, reader)?);
                } else {
                    self.place(lane);
                }
                self.admit_held();
            }
        }
        Ok(starts)
    }

    fn begin_first_of(
        &mut self,
        lane: u32,
        reader: &dyn Reader,
    ) -> Result<Option<Start>, ReadError> {
        let Some(place) = self.leave(lane) else {
            self.place(lane);
            return Ok(None);
        };
        let begun = self.begin(place, lane, reader);
        // The lane of a kind may have gone with its last job.
        if self.lanes.contains(lane as usize) {
            self.place(lane);
        }
        begun
    }

    fn begin(
        &mut self,
        place: Place,
        lane: u32,
        reader: &dyn Reader,
    ) -> Result<Option<Start>, ReadError> {
        let Place { seq, kind, .. } = place;
        let stored = match self.pending.read(seq, reader) {
            Ok(Some(stored)) if stored.state == JobState::Waiting as u8 => stored,
            // It is not lost: it stays where it is, for a version that can read it.
            Ok(_) => return Ok(self.set_aside(seq, kind, format!("job {seq} is not there"))),
            Err(ReadError::Unreadable(fault)) => {
                return Ok(self.set_aside(seq, kind, fault.to_string()));
            }
            Err(error) => return Err(error),
        };
        let body = match Body::read(seq, &stored.body) {
            Ok(body) => body,
            Err(fault) => return Ok(self.set_aside(seq, kind, fault.to_string())),
        };
        let mut head = stored.head;
        if self.is_expired(&head) {
            self.waiting_less(kind);
            self.expire(seq, kind, head, stored.tail, body);
            return Ok(None);
        }
        head.attempt += 1;
        head.began_ms = self.now.wall_ms;
        let state = JobState::Running as u8;
        self.pending.push(Change::Update { seq, state, head: head.to_bytes(), tail: None });
        self.begin_under_limits(kind);
        self.waiting_less(kind);
        let in_group = head.group.is_some().then_some(lane);
        if let Some(group) = in_group.and_then(|lane| self.lanes[lane as usize].group.as_mut()) {
            group.runs = true;
        }
        let (app, queue) = (self.kinds[kind as usize].key.app, self.kinds[kind as usize].key.queue);
        self.apps[app as usize].running += 1;
        self.queues[queue as usize].running += 1;
        self.begins_unique(seq, &head);
        let start = self.start_of(seq, &head, body.arguments, body.input);
        let began_steady_ms = self.now.steady_ms;
        let (tail, then) = (stored.tail, body.then);
        let running =
            Running { head, tail, then, kind, lane: in_group, began_steady_ms, cancelled: false };
        self.running.insert(seq, running);
        Ok(Some(start))
    }

    fn start_of(&self, seq: u64, head: &Head, arguments: Vec<u8>, input: Option<Vec<u8>>) -> Start {
        let context = JobContext {
            id: self.id_of(seq, head),
            attempt: head.attempt,
            idempotency_key: head.idempotency_key.clone(),
            batch: head.batch,
            input,
        };
        let (app, function) = (head.app.clone(), head.function.clone());
        let timeout_ms = head.timeout_ms.unwrap_or(self.settings.timeout_ms);
        let rules = self.apps[self.app_ids[&app] as usize].rules.as_ref();
        let pool = rules.map_or(JOBS_POOL, |rules| rules.pool(&function)).to_owned();
        Start { seq, app, function, context, arguments, timeout_ms, pool }
    }

    fn set_aside(&mut self, seq: u64, kind: u32, why: String) -> Option<Start> {
        self.unreadable.push(format!("{why}; it is left alone ({seq})"));
        self.waiting_less(kind);
        self.leave_kind(kind);
        None
    }

    pub(super) fn waiting_less(&mut self, kind: u32) {
        let queue = self.kinds[kind as usize].key.queue;
        self.queues[queue as usize].waiting -= 1;
    }

    /// Attempts that run, with their numbers: what a restart of the engine, but not of the executors,
    /// must not begin again.
    pub fn running(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.running.iter().map(|(seq, running)| (*seq, running.head.attempt))
    }

    /// The attempt at a job that runs.
    pub fn attempt_at(&self, id: JobId) -> Option<u32> {
        self.running.get(&id.seq()).map(|running| running.head.attempt)
    }
}
