//! Jobs are made.

use super::draft::{Draft, bad};
use super::unique::Decision;
use super::{Engine, fact};
use crate::pending::ReadError;
use crate::record::Head;
use crate::timers::Timer;
use ledger::{Change, Reader};
use protocol::{Accepted, AppName, JobId, JobRefusal, JobState, NewBatch, NewJob, UniqueMode};
use std::collections::HashSet;

/// Most jobs of one request.
const JOBS_AT_ONCE_MAX: usize = 10_000;

/// What a request made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    pub jobs: Vec<Accepted>,
    pub batch: Option<JobId>,
}

impl Engine {
    /// Makes all jobs of a request, or none.
    pub fn enqueue(
        &mut self,
        app: &AppName,
        jobs: Vec<NewJob>,
        batch: Option<NewBatch>,
        reader: &dyn Reader,
    ) -> Result<Result<Enqueued, JobRefusal>, ReadError> {
        if jobs.is_empty() || jobs.len() > JOBS_AT_ONCE_MAX {
            let reason = format!("a request makes 1 to {JOBS_AT_ONCE_MAX} jobs");
            return Ok(Err(bad("jobs", reason)));
        }
        let drafted: Result<Vec<Draft>, JobRefusal> =
            jobs.into_iter().map(|job| self.draft(app, job, None)).collect();
        let drafts = match drafted.and_then(|drafts| self.check_all(app, drafts, batch.as_ref())) {
            Ok(drafts) => drafts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let batch = batch.map(|batch| self.open_batch(app, batch));
        let mut accepted = Vec::with_capacity(drafts.len());
        for mut draft in drafts {
            draft.head.batch = batch.or(draft.head.batch);
            accepted.push(self.accept(draft, reader)?);
        }
        if let Some(batch) = batch {
            self.batch_is_whole(batch);
        }
        Ok(Ok(Enqueued { jobs: accepted, batch }))
    }

    /// What can be refused, before anything is made.
    fn check_all(
        &mut self,
        app: &AppName,
        drafts: Vec<Draft>,
        batch: Option<&NewBatch>,
    ) -> Result<Vec<Draft>, JobRefusal> {
        let app_id = self.app(app);
        let callbacks = batch.into_iter().flat_map(|b| [&b.then, &b.catch, &b.finally]).flatten();
        for callback in callbacks.cloned().collect::<Vec<_>>() {
            self.draft(app, callback, None)?;
        }
        let (mut bytes, mut keys) = (0, HashSet::new());
        for draft in &drafts {
            bytes += u64::from(draft.head.body_bytes);
            self.check_room(app_id, &draft.head, drafts.len() as u64)?;
            if let Some(batch) = draft.head.batch
                && !self.is_open_batch(batch)
            {
                return Err(JobRefusal::UnknownBatch { id: batch });
            }
            let Some(unique) = draft.head.unique.as_ref().filter(|u| u.mode == UniqueMode::Reject)
            else {
                continue;
            };
            if !keys.insert(&unique.key) {
                return Err(bad(
                    "unique",
                    format!("the key \"{}\" is in this request twice", unique.key),
                ));
            }
            if let Decision::Refuse(id) = self.decide(app_id, unique) {
                return Err(JobRefusal::Duplicate { id, key: unique.key.clone() });
            }
        }
        let limit = self.settings.queue_bytes_max;
        if self.bytes + bytes > limit {
            let queue = drafts[0].head.queue.clone();
            let setting = "jobs.queue_bytes_max".to_owned();
            return Err(JobRefusal::QueueFull { queue, setting, limit });
        }
        Ok(drafts)
    }

    fn check_room(&mut self, app: u32, head: &Head, more: u64) -> Result<(), JobRefusal> {
        let queue = self.queue(app, &head.queue);
        let queue = &self.queues[queue as usize];
        if queue.draining {
            let reason = format!(
                "queue \"{}\" is being drained; appserver queue resume takes jobs again",
                queue.name
            );
            return Err(JobRefusal::Unavailable { reason });
        }
        let limit = self.settings.queue_len_max;
        if queue.waiting + queue.running + more > limit {
            let (queue, setting) = (head.queue.clone(), "jobs.queue_len_max".to_owned());
            return Err(JobRefusal::QueueFull { queue, setting, limit });
        }
        Ok(())
    }

    fn accept(&mut self, draft: Draft, reader: &dyn Reader) -> Result<Accepted, ReadError> {
        let app = self.app(&draft.head.app);
        if let Some(key) = &draft.head.idempotency_key
            && let Some(id) = self.known_by(&draft.head.app, key, reader)?
        {
            return Ok(Accepted { id, existing: true });
        }
        match draft.head.unique.as_ref().map_or(Decision::Make, |u| self.decide(app, u)) {
            Decision::Make => {}
            // Refusals were told before anything was made.
            Decision::Existing(id) | Decision::Refuse(id) => {
                return Ok(Accepted { id, existing: true });
            }
            Decision::Replace(id) => {
                self.cancel_waiting(id, "another job of its unique key took its place", reader)?;
            }
        }
        Ok(Accepted { id: self.make(draft), existing: false })
    }

    /// A job that follows another one, or a batch.
    pub(super) fn follow(&mut self, before: &Head, job: NewJob, input: Option<Vec<u8>>) {
        let draft = self.draft_anyway(&before.app.clone(), job, input);
        self.make(draft);
    }

    /// Puts the job where it waits; nothing can refuse it any more.
    pub(super) fn make(&mut self, draft: Draft) -> JobId {
        let Draft { head, body, declaration } = draft;
        let seq = self.take_seq();
        let id = self.id_of(seq, &head);
        if let Some((signature, declaration)) = declaration
            && !self.signatures.contains_key(&signature)
        {
            let (key, value) = (signature.to_be_bytes().to_vec(), declaration.clone());
            self.pending.push(Change::SetFact { kind: fact::SIGNATURE, key, value });
            self.signatures.insert(signature, declaration);
        }
        let state = JobState::Waiting as u8;
        self.pending.push(Change::Insert { seq, state, head: head.to_bytes(), body });
        self.make_known(id, &head);
        let app = self.app(&head.app);
        self.throttles(app, id, &head);
        self.join_batch(&head, seq);
        self.totals.made += 1;
        self.admit(seq, &head);
        id
    }

    /// A job that is in the ledger takes its place in memory.
    pub(super) fn admit(&mut self, seq: u64, head: &Head) {
        let kind = self.kind(head);
        self.kinds[kind as usize].jobs += 1;
        self.bytes += u64::from(head.body_bytes);
        let app = self.kinds[kind as usize].key.app;
        self.joins_unique(app, self.id_of(seq, head), head);
        if let Some(expires) = head.expires {
            self.timers.after(expires.ends_steady_ms(self.now), Timer::Expires { seq });
        }
        self.wait(seq, kind, head);
    }
}
