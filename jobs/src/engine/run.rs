//! Attempts begin, in the order in which it is their turn.

use super::Engine;
use super::kinds::Place;
use super::waiting::Lane;
use crate::numbered::index;
use crate::pending::{ReadError, Stored};
use crate::record::{Body, Head, Step, Tail};
use ledger::Reader;
use protocol::{AppName, JOBS_POOL, JobContext, JobId, JobState};

/// Most jobs that are found not to begin, because their time or their batch is over, in one commit, so that none takes
/// long.
const PASSED_AT_ONCE_MAX: usize = 512;

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
    /// It threw what says that another attempt is of no use: the job is dead.
    GaveUp(String),
    /// It threw what asks for another attempt, after so long, else after its back-off. It counts as a
    /// failure, or as nothing.
    Again {
        after_ms: Option<u64>,
        counts: bool,
        error: String,
    },
    /// Its executor died or gave PHP's request up: counts as a crash.
    Crashed(String),
    /// The worker is stopping: counts as nothing.
    Interrupted,
    /// Nothing of it ran: counts as nothing, not even under a rate, and is tried again soon. Its number
    /// is not used again.
    NotBegun(String),
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) head: Head,
    pub(super) tail: Tail,
    pub(super) then: Vec<Step>,
    pub(super) kind: u32,
    pub(super) group: Option<u32>,
    pub(super) began_steady_ms: u64,
    /// Whether that is when it began: an engine that was made since knows no better than when it was made.
    pub(super) began_here: bool,
}

impl Engine {
    /// Begins as many attempts as there are slots for. Each is recorded before it runs, so that one that
    /// takes the worker along is counted.
    pub fn dispatch(&mut self, reader: &dyn Reader) -> Result<Vec<Start>, ReadError> {
        self.catch_up(reader)?;
        let (mut starts, mut passed) = (Vec::new(), 0);
        for app in 0..index(self.apps.len()) {
            while passed < PASSED_AT_ONCE_MAX
                && self.has_slot(app)
                && let Some(kind) = self.next_kind(app)
                && let Some(first) = self.kinds.first(kind)
            {
                match self.begin_first_of(kind, first, reader)? {
                    Some(start) => starts.push(start),
                    // It was over, and what follows it may have taken another's place.
                    None => {
                        passed += 1;
                        self.end_replaced(reader)?;
                    }
                }
            }
        }
        if passed > 0 {
            // They were over, and perhaps the end of others of their batches.
            self.catch_up(reader)?;
        }
        self.dispatches_more = passed == PASSED_AT_ONCE_MAX;
        Ok(starts)
    }

    fn has_slot(&self, app: u32) -> bool {
        let app = &self.apps[app as usize];
        app.running < app.slots
    }

    fn begin_first_of(
        &mut self,
        kind: u32,
        (rank, seq): Place,
        reader: &dyn Reader,
    ) -> Result<Option<Start>, ReadError> {
        let (stored, body) = match self.whole(seq, reader)? {
            Ok(whole) => whole,
            // It is not lost: it stays where it is, for a version that can read it.
            Err(why) => {
                let lane = self.lane_of_unread(kind, seq);
                self.leave_lane(seq, kind, (lane, rank));
                self.set_aside(seq, kind, why);
                return Ok(None);
            }
        };
        let app = self.kinds.class_of(kind).key.app;
        let group = stored.head.group.as_ref().map(|group| self.group(app, group));
        let lane = group.map_or(Lane::Kind(kind), Lane::Group);
        if self.is_expired(&stored.head) {
            self.leave_lane(seq, kind, (lane, rank));
            self.expire(seq, kind, stored.head, stored.tail);
            return Ok(None);
        }
        if self.is_failing(stored.head.batch) {
            self.leave_lane(seq, kind, (lane, rank));
            self.prevent(seq, kind, stored.head, stored.tail);
            return Ok(None);
        }
        // Before it leaves its group, for the next one is to stay behind it.
        if let Some(group) = group {
            self.set_group_runs(group, true);
        }
        self.leave_lane(seq, kind, (lane, rank));
        Ok(Some(self.begin(seq, kind, group, stored, body)))
    }

    /// Where one stands whose head does not tell. All groups are looked at: this is rare.
    fn lane_of_unread(&self, kind: u32, seq: u64) -> Lane {
        let mut groups = self.groups.iter();
        let first = groups.find(|(_, group)| group.first().is_some_and(|first| first.seq == seq));
        first.map_or(Lane::Kind(kind), |(group, _)| Lane::Group(group))
    }

    /// A waiting job with its body; else why it cannot be run.
    fn whole(
        &self,
        seq: u64,
        reader: &dyn Reader,
    ) -> Result<Result<(Stored, Body), String>, ReadError> {
        let stored = match self.pending.read(seq, reader) {
            Ok(Some(stored)) if stored.state == JobState::Waiting as u8 => stored,
            Ok(_) => return Ok(Err(format!("job {seq} is not in the ledger any more"))),
            Err(ReadError::Unreadable(fault)) => return Ok(Err(fault.to_string())),
            Err(error) => return Err(error),
        };
        let body = Body::read(seq, &stored.body).map_err(|fault| fault.to_string());
        Ok(body.map(|body| (stored, body)))
    }

    fn begin(
        &mut self,
        seq: u64,
        kind: u32,
        group: Option<u32>,
        stored: Stored,
        body: Body,
    ) -> Start {
        let Stored { mut head, tail, .. } = stored;
        head.attempt += 1;
        head.began_ms = self.now.wall_ms;
        // After a restart the clock of the order goes on from the highest of it: nothing that began is
        // from the future.
        head.order_ms = head.order_ms.min(self.order_ms());
        self.update(seq, JobState::Running, &head, None);
        self.begin_under_limits(kind, &head);
        self.runs_with_key(self.id_of(seq, &head), &head);
        let start = self.start_of(seq, &head, body.arguments, body.input);
        let began_steady_ms = self.now.steady_ms;
        self.count_running(
            seq,
            Running { head, tail, then: body.then, kind, group, began_steady_ms, began_here: true },
        );
        start
    }

    pub(super) fn count_running(&mut self, seq: u64, running: Running) {
        let key = &self.kinds.class_of(running.kind).key;
        self.apps[key.app as usize].running += 1;
        self.queues[key.queue as usize].running += 1;
        self.running.insert(seq, running);
    }

    fn start_of(&self, seq: u64, head: &Head, arguments: Vec<u8>, input: Option<Vec<u8>>) -> Start {
        let context = JobContext {
            id: self.id_of(seq, head),
            attempt: head.attempt,
            failures: head.failures,
            crashes: head.crashes,
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

    fn set_aside(&mut self, seq: u64, kind: u32, why: String) {
        self.told.troubles.push(format!("{why}; it is left alone, and does not run"));
        self.leave_kind(kind);
        self.aside.insert(seq, why);
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
