//! What administrators and callers do to jobs and queues.

use super::{Engine, fact};
use crate::clock::Due;
use crate::pending::{ReadError, Stored};
use ledger::{Change, Reader};
use protocol::{AppName, JobId, JobState, JobTotals, Outcome, QueueStatus};
use std::ops::ControlFlow;

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It will not run.
    Prevented,
    /// It runs: its call is to be interrupted, and what it does until then counts no more.
    Interrupted,
    /// There is no such job, or it is over.
    TooLate,
}

/// What a queue does not do, as it is stored.
const PAUSED: u8 = 1;
const DRAINING: u8 = 2;

impl Engine {
    pub fn cancel(&mut self, id: JobId, reader: &dyn Reader) -> Result<Cancelled, ReadError> {
        let (tag, seq) = (self.tag, id.seq());
        let is_it = |running: &super::run::Running| running.head.id(tag, seq) == id;
        if self.running.get(&seq).is_some_and(is_it) && self.cancel_running(seq) {
            return Ok(Cancelled::Interrupted);
        }
        self.cancel_waiting(id, "it was cancelled", reader)
    }

    /// Stored, so that whoever was told can rely on it. `false` when it does not run.
    pub(super) fn cancel_running(&mut self, seq: u64) -> bool {
        let Some(running) = self.running.get_mut(&seq) else {
            return false;
        };
        running.head.cancelled = true;
        let head = running.head.clone();
        self.update(seq, JobState::Running, &head, None);
        self.told.interrupts.push(seq);
        true
    }

    pub(super) fn cancel_waiting(
        &mut self,
        id: JobId,
        why: &str,
        reader: &dyn Reader,
    ) -> Result<Cancelled, ReadError> {
        match self.stored(id, reader)? {
            Some(stored) if stored.state == JobState::Waiting as u8 => {
                self.cancel_stored(id.seq(), stored, why);
                Ok(Cancelled::Prevented)
            }
            _ => Ok(Cancelled::TooLate),
        }
    }

    pub(super) fn cancel_seq(
        &mut self,
        seq: u64,
        why: &str,
        reader: &dyn Reader,
    ) -> Result<(), ReadError> {
        if let Some(stored) = self.readable(seq, reader)?
            && stored.state == JobState::Waiting as u8
        {
            self.cancel_stored(seq, stored, why);
        }
        Ok(())
    }

    fn cancel_stored(&mut self, seq: u64, stored: Stored, why: &str) {
        let Stored { head, mut tail, .. } = stored;
        let kind = match self.aside.remove(&seq) {
            Some(_) => None,
            None => self.withdraw(seq, &head),
        };
        tail.note(self.not_begun(&head, Outcome::Cancelled, why));
        self.close(seq, head, Some(tail), JobState::Cancelled, why.to_owned());
        if let Some(kind) = kind {
            self.leave_kind(kind);
        }
    }

    /// The job of exactly this id. One whose head cannot be read is none that anybody could ask for: its
    /// id is not known.
    pub(super) fn stored(
        &self,
        id: JobId,
        reader: &dyn Reader,
    ) -> Result<Option<Stored>, ReadError> {
        let stored = self.readable(id.seq(), reader)?;
        Ok(stored.filter(|stored| self.id_of(id.seq(), &stored.head) == id))
    }

    /// A damaged job is no reason to stop for all the others.
    pub(super) fn readable(
        &self,
        seq: u64,
        reader: &dyn Reader,
    ) -> Result<Option<Stored>, ReadError> {
        match self.pending.read(seq, reader) {
            Err(ReadError::Unreadable(_)) => Ok(None),
            read => read,
        }
    }

    /// Makes a job that is over wait again, with all its attempts. `false` when it is not over, not
    /// there, or another job has its unique key.
    pub fn retry(&mut self, id: JobId, reader: &dyn Reader) -> Result<bool, ReadError> {
        let over = |state: u8| JobState::from_byte(state).is_some_and(JobState::is_over);
        let Some(stored) = self.stored(id, reader)?.filter(|stored| over(stored.state)) else {
            return Ok(false);
        };
        let (seq, Stored { mut head, mut tail, .. }) = (id.seq(), stored);
        if self.is_key_taken(&head) {
            return Ok(false);
        }
        self.kept.forget(seq);
        (head.failures, head.crashes, head.expires) = (0, 0, None);
        (head.due, head.order_ms, head.ended_ms) = (Due::Now, self.order_ms(), 0);
        head.cancelled = false;
        head.cause.clear();
        // What followed it stays; it is followed anew.
        (tail.result, tail.next) = (None, None);
        // Its batch has counted it, and may be over.
        head.batch = None;
        self.update(seq, JobState::Waiting, &head, Some(&tail));
        self.admit(seq, &head);
        Ok(true)
    }

    /// Removes a job that is over, or one that waits. One that runs stays.
    pub fn delete(&mut self, id: JobId, reader: &dyn Reader) -> Result<bool, ReadError> {
        let seq = id.seq();
        if self.running.contains_key(&seq) || self.stored(id, reader)?.is_none() {
            return Ok(false);
        }
        self.cancel_waiting(id, "it was deleted", reader)?;
        if self.stored(id, reader)?.is_some() {
            self.kept.forget(seq);
            self.pending.push(Change::Remove { seq });
        }
        Ok(true)
    }

    /// A paused queue begins nothing; what runs goes on.
    pub fn pause(&mut self, app: &AppName, queue: &str) {
        self.set_mode(app, queue, true, false);
    }

    /// A draining queue takes no new jobs.
    pub fn drain(&mut self, app: &AppName, queue: &str) {
        self.set_mode(app, queue, false, true);
    }

    pub fn resume(&mut self, app: &AppName, queue: &str) {
        self.set_mode(app, queue, false, false);
    }

    fn set_mode(&mut self, app: &AppName, queue: &str, paused: bool, draining: bool) {
        let id = self.app(app);
        let at = self.queue(id, queue) as usize;
        (self.queues[at].paused, self.queues[at].draining) = (paused, draining);
        let key = super::keys::name(app, queue);
        let mode = if paused { PAUSED } else { DRAINING };
        let kind = fact::PAUSED;
        self.pending.push(match paused || draining {
            true => Change::SetFact { kind, key, value: vec![mode] },
            false => Change::RemoveFact { kind, key },
        });
        self.open(super::gates::Below::Gate(self.queues[at].gate));
    }

    pub(super) fn read_modes(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let mut modes = Vec::new();
        reader.facts(fact::PAUSED, &mut |key, value| {
            let names = std::str::from_utf8(key).ok().and_then(|names| names.split_once('\0'));
            let app = names.and_then(|(app, _)| AppName::new(app).ok());
            modes.extend(
                app.zip(names).map(|(app, (_, queue))| (app, queue.to_owned(), value.to_vec())),
            );
            ControlFlow::Continue(())
        })?;
        for (app, queue, mode) in modes {
            let app = self.app(&app);
            let queue = self.queue(app, &queue) as usize;
            self.queues[queue].paused = mode == [PAUSED];
            self.queues[queue].draining = mode == [DRAINING];
        }
        Ok(())
    }

    pub fn queues(&self) -> Vec<QueueStatus> {
        let status = |queue: &super::members::Queue| QueueStatus {
            app: self.apps[queue.app as usize].name.clone(),
            queue: queue.name.to_string(),
            paused: queue.paused,
            draining: queue.draining,
            waiting: queue.waiting,
            running: queue.running,
        };
        self.queues.iter().map(status).collect()
    }

    /// Goes on counting where an engine before this one stood.
    pub fn set_totals(&mut self, totals: JobTotals) {
        self.totals = totals;
    }

    /// Since the engine was made, or what it goes on from.
    pub fn totals(&self) -> JobTotals {
        self.totals
    }

    /// Bytes of the arguments of all jobs that wait or run, and of what follows batches.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
