//! Batches: jobs that are counted together, and what follows when all are over.

use super::options::bad;
use super::{Engine, fact};
use crate::pending::ReadError;
use crate::record::{Head, Step};
use ledger::{Change, Reader};
use protocol::{
    AppName, BatchReport, JobId, JobRefusal, JobState, NewBatch, NewJob, body_from_slice,
    body_to_vec,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Longest name of a batch, in bytes.
const NAME_BYTES_MAX: usize = 255;

#[derive(Debug)]
pub(super) struct Batch {
    record: Record,
    counts: Counts,
    /// Its jobs that are not over.
    members: BTreeSet<u64>,
    /// While its jobs are being made it is not over, however soon they are.
    open: bool,
}

/// What does not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    id: JobId,
    app: AppName,
    callbacks: Callbacks,
}

/// A batch as it was asked for, with the signatures of what comes after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Callbacks {
    name: String,
    then: Option<Step>,
    catch: Option<Step>,
    finally: Option<Step>,
    allow_failures: bool,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Counts {
    total: u32,
    done: u32,
    failed: u32,
    cancelled: u32,
    /// When all were over, since 1970; 0 = they are not.
    ended_ms: u64,
}

impl Batch {
    fn is_over(&self) -> bool {
        !self.open && self.members.is_empty()
    }
}

impl Engine {
    /// Checks what comes after a batch.
    pub(super) fn callbacks(
        &mut self,
        app: &AppName,
        batch: NewBatch,
    ) -> Result<Callbacks, JobRefusal> {
        if batch.name.len() > NAME_BYTES_MAX {
            return Err(bad("name", format!("a batch's name has at most {NAME_BYTES_MAX} bytes")));
        }
        let mut declarations = Vec::new();
        let mut step = |job: Option<NewJob>| {
            job.map(|job| self.later_step(app, job, &mut declarations)).transpose()
        };
        let callbacks = Callbacks {
            then: step(batch.then)?,
            catch: step(batch.catch)?,
            finally: step(batch.finally)?,
            name: batch.name,
            allow_failures: batch.allow_failures,
        };
        self.declare(declarations);
        Ok(callbacks)
    }

    pub(super) fn open_batch(&mut self, app: &AppName, callbacks: Callbacks) -> JobId {
        let seq = self.take_seq();
        let id = JobId::new(self.now.wall_ms, self.tag, self.random.next(), seq);
        let record = Record { id, app: app.clone(), callbacks };
        let (key, value) = (seq.to_be_bytes().to_vec(), body_to_vec(&record));
        self.pending.push(Change::SetFact { kind: fact::BATCH, key, value });
        let batch =
            Batch { record, counts: Counts::default(), members: BTreeSet::new(), open: true };
        self.batches.insert(seq, batch);
        id
    }

    /// All jobs of its request are made.
    pub(super) fn batch_is_whole(&mut self, id: JobId) {
        if let Some(batch) = self.batches.get_mut(&id.seq()) {
            batch.open = false;
        }
        self.store_counts(id.seq());
        // Jobs that were there before are not its own: it may have none.
        self.close_batch_if_over(id.seq());
    }

    pub(super) fn is_open_batch(&self, id: JobId) -> bool {
        self.batches.get(&id.seq()).is_some_and(|b| b.record.id == id && b.counts.ended_ms == 0)
    }

    /// Whether jobs of that application can join it.
    pub(super) fn is_open_batch_of(&self, app: &AppName, id: JobId) -> bool {
        self.is_open_batch(id)
            && self.batches.get(&id.seq()).is_some_and(|batch| batch.record.app == *app)
    }

    pub(super) fn join_batch(&mut self, head: &Head, seq: u64) {
        let Some(id) = head.batch.filter(|id| self.is_open_batch_of(&head.app, *id)) else {
            return;
        };
        if let Some(batch) = self.batches.get_mut(&id.seq()) {
            batch.counts.total += 1;
            batch.members.insert(seq);
            if !batch.open {
                self.store_counts(id.seq());
            }
        }
    }

    pub(super) fn count_in_batch(&mut self, id: JobId, seq: u64, state: JobState) {
        let Some(batch) = self.batches.get_mut(&id.seq()) else {
            return;
        };
        if !batch.members.remove(&seq) {
            return;
        }
        match state {
            JobState::Done => batch.counts.done += 1,
            JobState::Dead => batch.counts.failed += 1,
            _ => batch.counts.cancelled += 1,
        }
        let first_failure = state == JobState::Dead && batch.counts.failed == 1;
        let ends_others = first_failure && !batch.record.callbacks.allow_failures;
        let catch = batch.record.callbacks.catch.as_ref().filter(|_| first_failure).cloned();
        self.store_counts(id.seq());
        if ends_others {
            self.failing_batches.push(id.seq());
        }
        self.follow_batch(id, catch);
        self.close_batch_if_over(id.seq());
    }

    fn close_batch_if_over(&mut self, seq: u64) {
        let now = self.now;
        let Some(batch) =
            self.batches.get_mut(&seq).filter(|b| b.is_over() && b.counts.ended_ms == 0)
        else {
            return;
        };
        batch.counts.ended_ms = now.wall_ms.max(1);
        let id = batch.record.id;
        let all_done = batch.counts.done == batch.counts.total;
        let then = batch.record.callbacks.then.as_ref().filter(|_| all_done).cloned();
        let finally = batch.record.callbacks.finally.clone();
        self.store_counts(seq);
        self.follow_batch(id, then);
        self.follow_batch(id, finally);
        self.told.batches_over.push(seq);
        let until = now.steady_ms.saturating_add(self.settings.keep_ms);
        self.keep(seq, JobState::Done, until);
    }

    /// A callback. It is no member of the batch, whose id it gets.
    fn follow_batch(&mut self, id: JobId, callback: Option<Step>) {
        let Some(callback) = callback else {
            return;
        };
        let Some(app) = self.batches.get(&id.seq()).map(|batch| batch.record.app.clone()) else {
            return;
        };
        self.follow(&app, callback, Vec::new(), Some(value_of(&id.to_string())));
    }

    fn store_counts(&mut self, seq: u64) {
        if let Some(batch) = self.batches.get(&seq) {
            let (key, value) = (seq.to_be_bytes().to_vec(), body_to_vec(&batch.counts));
            self.pending.push(Change::SetFact { kind: fact::BATCH_COUNTS, key, value });
        }
    }

    /// The jobs of batches in which one failed are cancelled.
    pub(super) fn end_failing_batches(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        while let Some(seq) = self.failing_batches.pop() {
            self.cancel_members(seq, "another job of its batch is dead", reader)?;
        }
        Ok(())
    }

    /// Whether there is such a batch with jobs that could still be prevented.
    pub fn cancel_batch(&mut self, id: JobId, reader: &dyn Reader) -> Result<bool, ReadError> {
        if !self.is_open_batch(id) {
            return Ok(false);
        }
        self.cancel_members(id.seq(), "its batch was cancelled", reader)?;
        Ok(true)
    }

    fn cancel_members(
        &mut self,
        seq: u64,
        why: &str,
        reader: &dyn Reader,
    ) -> Result<(), ReadError> {
        let members = self.batches.get(&seq).map(|batch| batch.members.clone()).unwrap_or_default();
        for member in members {
            if !self.cancel_running(member) {
                self.cancel_seq(member, why, reader)?;
            }
        }
        Ok(())
    }

    pub fn batch_report(&self, id: JobId) -> Option<BatchReport> {
        let batch = self.batches.get(&id.seq()).filter(|batch| batch.record.id == id)?;
        let Counts { total, done, failed, cancelled, .. } = batch.counts;
        Some(BatchReport {
            id,
            app: batch.record.app.clone(),
            name: batch.record.callbacks.name.clone(),
            made_ms: id.at_ms(),
            total,
            done,
            failed,
            cancelled,
        })
    }

    /// Whether the number was that of a batch, which is forgotten now.
    pub(super) fn forget_batch(&mut self, seq: u64) -> bool {
        if self.batches.remove(&seq).is_none() {
            return false;
        }
        for kind in [fact::BATCH, fact::BATCH_COUNTS] {
            self.pending.push(Change::RemoveFact { kind, key: seq.to_be_bytes().to_vec() });
        }
        true
    }

    /// Before jobs are read.
    pub(super) fn read_batches(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let mut counts: HashMap<u64, Counts> = HashMap::new();
        reader.facts(fact::BATCH_COUNTS, &mut |key, value| {
            if let (Ok(key), Ok(read)) = (key.try_into(), body_from_slice("counts", value)) {
                counts.insert(u64::from_be_bytes(key), read);
            }
            ControlFlow::Continue(())
        })?;
        let mut batches: Vec<(u64, Record)> = Vec::new();
        reader.facts(fact::BATCH, &mut |key, value| {
            if let (Ok(key), Ok(record)) = (key.try_into(), body_from_slice("batch", value)) {
                batches.push((u64::from_be_bytes(key), record));
            }
            ControlFlow::Continue(())
        })?;
        for (seq, record) in batches {
            self.next_seq = self.next_seq.max(seq + 1);
            let counts = counts.remove(&seq).unwrap_or_default();
            if counts.ended_ms > 0 {
                let left = counts.ended_ms + self.settings.keep_ms;
                let left = left.saturating_sub(self.now.wall_ms).min(self.settings.keep_ms);
                self.keep(seq, JobState::Done, self.now.steady_ms + left);
            }
            // Its other jobs may not have been cancelled yet.
            if counts.failed > 0 && counts.ended_ms == 0 && !record.callbacks.allow_failures {
                self.failing_batches.push(seq);
            }
            let batch = Batch { record, counts, members: BTreeSet::new(), open: false };
            self.batches.insert(seq, batch);
        }
        Ok(())
    }

    /// A job of a batch was read that is not over.
    pub(super) fn rejoin_batch(&mut self, head: &Head, seq: u64) {
        if let Some(batch) = head.batch.and_then(|id| self.batches.get_mut(&id.seq())) {
            batch.members.insert(seq);
        }
    }
}

/// A short text in the value codec: its tag holds the length.
fn value_of(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a UUID has 36 characters");
    [&[0x80 + length], text.as_bytes()].concat()
}
