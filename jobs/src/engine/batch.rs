//! Batches: jobs that are counted together, and what follows when all are over.

use super::callbacks::Callbacks;
use super::{Engine, fact};
use crate::pending::ReadError;
use crate::record::Head;
use ledger::{Change, Reader};
use protocol::{AppName, BatchReport, Followed, JobId, JobState, body_to_vec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most jobs that a dead one ends in one commit, so that none takes long.
const CANCELLED_AT_ONCE_MAX: usize = 512;

/// What is said of jobs of a batch in which one failed.
pub(super) const FAILING: &str = "another job of its batch is dead";

#[derive(Debug)]
pub(super) struct Batch {
    pub(super) record: Record,
    pub(super) counts: Counts,
    pub(super) followed: Followed,
    /// Of the arguments of what comes after it, which are held until it is over.
    pub(super) bytes: u64,
    /// Its jobs that are not over.
    pub(super) members: BTreeSet<u64>,
    /// While its jobs are being made it is not over, however soon they are.
    open: bool,
}

/// What does not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    id: JobId,
    pub(super) app: AppName,
    pub(super) callbacks: Callbacks,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    total: u32,
    done: u32,
    failed: u32,
    cancelled: u32,
    /// When all were over, since 1970; 0 = they are not.
    pub(super) ended_ms: u64,
}

impl Batch {
    pub(super) fn new(record: Record, counts: Counts, followed: Followed, open: bool) -> Self {
        let bytes = record.callbacks.bytes();
        Self { record, counts, followed, bytes, members: BTreeSet::new(), open }
    }

    /// How it stands; nothing if it has another id.
    pub(super) fn report(&self, id: JobId) -> Option<BatchReport> {
        let Counts { total, done, failed, cancelled, .. } = self.counts;
        (self.record.id == id).then(|| BatchReport {
            id,
            app: self.record.app.clone(),
            name: self.record.callbacks.name.clone(),
            made_ms: id.at_ms(),
            total,
            done,
            failed,
            cancelled,
            followed: self.followed,
        })
    }

    fn is_over(&self) -> bool {
        !self.open && self.members.is_empty()
    }

    /// Whether a job of it is dead, and that is to be the end of the others.
    pub(super) fn ends_others(&self) -> bool {
        self.counts.failed > 0 && !self.record.callbacks.allow_failures
    }
}

impl Engine {
    pub(super) fn open_batch(&mut self, app: &AppName, callbacks: Callbacks) -> JobId {
        let seq = self.take_seq();
        let id = JobId::new(self.now.wall_ms, self.tag, self.random.next(), seq);
        let record = Record { id, app: app.clone(), callbacks };
        let (key, value) = (seq.to_be_bytes().to_vec(), body_to_vec(&record));
        self.pending.push(Change::SetFact { kind: fact::BATCH, key, value });
        let batch = Batch::new(record, Counts::default(), Followed::default(), true);
        self.bytes += batch.bytes;
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
            if batch.ends_others() {
                self.failing_batches.push((id.seq(), 0));
            }
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
        let ends_others = first_failure && batch.ends_others();
        let catch = if first_failure { batch.record.callbacks.catch.take() } else { None };
        self.store_counts(id.seq());
        if ends_others {
            self.failing_batches.push((id.seq(), 0));
        }
        if let Some(catch) = self.follow_batch(id, catch) {
            self.note_followed(id.seq(), |followed| followed.catch = Some(catch));
        }
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
        // It is asked for from now on, and makes nothing more.
        let callbacks = &mut batch.record.callbacks;
        let (then, finally) =
            (callbacks.then.take().filter(|_| all_done), callbacks.finally.take());
        callbacks.forget();
        self.bytes -= std::mem::take(&mut batch.bytes);
        self.store_counts(seq);
        let (then, finally) = (self.follow_batch(id, then), self.follow_batch(id, finally));
        if then.is_some() || finally.is_some() {
            self.note_followed(seq, |followed| {
                (followed.then, followed.finally) = (then, finally);
            });
        }
        self.told.batches_over.push(seq);
        let until = now.steady_ms.saturating_add(self.settings.keep_ms);
        self.keep(seq, JobState::Done, until);
    }

    fn store_counts(&mut self, seq: u64) {
        if let Some(batch) = self.batches.get(&seq) {
            let (key, value) = (seq.to_be_bytes().to_vec(), body_to_vec(&batch.counts));
            self.pending.push(Change::SetFact { kind: fact::BATCH_COUNTS, key, value });
        }
    }

    /// The jobs of batches in which one failed are cancelled, a bounded number of them at a time.
    pub(super) fn end_failing_batches(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        let mut left = CANCELLED_AT_ONCE_MAX;
        while left > 0
            && let Some((seq, from)) = self.failing_batches.pop()
        {
            let members = self.batches.get(&seq).map(|batch| batch.members.range(from..));
            let members: Vec<u64> = members.into_iter().flatten().copied().take(left).collect();
            left -= members.len();
            if left == 0 {
                let next = members.last().map_or(from, |last| last + 1);
                self.failing_batches.push((seq, next));
            }
            self.cancel_all(members, FAILING, reader)?;
        }
        Ok(())
    }

    /// Whether the jobs of that batch are being cancelled.
    pub(super) fn is_failing(&self, batch: Option<JobId>) -> bool {
        batch.is_some_and(|id| self.failing_batches.iter().any(|(seq, _)| *seq == id.seq()))
    }

    /// Whether there is such a batch with jobs that could still be prevented.
    pub fn cancel_batch(&mut self, id: JobId, reader: &dyn Reader) -> Result<bool, ReadError> {
        if !self.is_open_batch(id) {
            return Ok(false);
        }
        let members = self.batches.get(&id.seq()).map(|batch| batch.members.clone());
        // All at once: whoever asked is told that it is done.
        self.cancel_all(members.unwrap_or_default(), "its batch was cancelled", reader)?;
        Ok(true)
    }

    fn cancel_all(
        &mut self,
        members: impl IntoIterator<Item = u64>,
        why: &str,
        reader: &dyn Reader,
    ) -> Result<(), ReadError> {
        for member in members {
            if !self.cancel_running(member) {
                self.cancel_seq(member, why, reader)?;
            }
        }
        Ok(())
    }

    pub fn batch_report(&self, id: JobId) -> Option<BatchReport> {
        self.batches.get(&id.seq())?.report(id)
    }

    /// Whether the number was that of a batch, which is forgotten now.
    pub(super) fn forget_batch(&mut self, seq: u64) -> bool {
        if self.batches.remove(&seq).is_none() {
            return false;
        }
        for kind in [fact::BATCH, fact::BATCH_COUNTS, fact::BATCH_FOLLOWED] {
            self.pending.push(Change::RemoveFact { kind, key: seq.to_be_bytes().to_vec() });
        }
        true
    }
}
