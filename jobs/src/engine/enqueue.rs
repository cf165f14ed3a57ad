//! Jobs are made.

use super::Engine;
use super::callbacks::Callbacks;
use super::draft::Draft;
use super::keys::{Decision, REPLACED};
use super::members::Queue;
use super::options::bad;
use crate::pending::ReadError;
use crate::record::{Head, Step};
use ledger::{Change, Reader};
use protocol::{
    Accepted, AppName, JOBS_AT_ONCE_MAX, JobCount, JobId, JobRefusal, JobState, NewBatch, NewJob,
    STEPS_AT_ONCE_MAX, UniqueMode,
};
use std::collections::{HashMap, HashSet};

/// What a request made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    pub jobs: Vec<Accepted>,
    pub batch: Option<JobId>,
}

/// Refuses what no request may make, whatever else is to be said of it.
pub fn check_count(jobs: &[NewJob]) -> Result<(), JobRefusal> {
    match jobs.is_empty() || JobCount::of(jobs).is_too_many() {
        true => Err(bad(
            "jobs",
            format!(
                "a request makes 1 to {JOBS_AT_ONCE_MAX} jobs, and {STEPS_AT_ONCE_MAX} with the steps of \
                 their chains"
            ),
        )),
        false => Ok(()),
    }
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
        if let Err(refusal) = check_count(&jobs) {
            return Ok(Err(refusal));
        }
        let drafted: Result<Vec<Draft>, JobRefusal> =
            jobs.into_iter().map(|job| self.draft(app, job)).collect();
        let callbacks = batch.map(|batch| self.callbacks(app, batch)).transpose();
        let (drafts, batch) = match drafted.and_then(|drafts| Ok((drafts, callbacks?))) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let following = batch.as_ref().map_or(0, Callbacks::bytes);
        if let Err(refusal) = self.check_all(app, &drafts, following, reader)? {
            return Ok(Err(refusal));
        }
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

    /// What can be refused, before anything is made. `following` are bytes of what comes after them.
    fn check_all(
        &mut self,
        app: &AppName,
        drafts: &[Draft],
        following: u64,
        reader: &dyn Reader,
    ) -> Result<Result<(), JobRefusal>, ReadError> {
        let app_id = self.app(app);
        let there = self.queues.iter().map(Queue::len).sum();
        let mut more = More { there, bytes: following, ..More::default() };
        for Draft { head, .. } in drafts {
            // Sent again, it is answered however full the queue is.
            if let Some(key) = &head.idempotency_key
                && self.known_by(app, key, reader)?.is_some()
            {
                continue;
            }
            if let Err(refusal) = self.check_one(app_id, head, &mut more) {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    fn check_one<'a>(
        &self,
        app: u32,
        head: &'a Head,
        more: &mut More<'a>,
    ) -> Result<(), JobRefusal> {
        if let Some(batch) = head.batch
            && !self.is_open_batch_of(&head.app, batch)
        {
            return Err(JobRefusal::UnknownBatch { id: batch });
        }
        if let Some(unique) = &head.unique {
            match self.decide(app, unique) {
                Decision::Refuse(id) => {
                    return Err(JobRefusal::Duplicate { id, key: unique.key.clone() });
                }
                Decision::Existing(_) => return Ok(()),
                Decision::Make | Decision::Replace(_) => {}
            }
            let is_own = unique.mode != UniqueMode::Throttle;
            let is_taken = is_own && !more.keys.insert(&unique.key);
            if is_taken && unique.mode == UniqueMode::Reject {
                let reason = format!("the key \"{}\" is in this request twice", unique.key);
                return Err(bad("unique", reason));
            }
        }
        self.check_room(app, head, more)
    }

    fn check_room<'a>(
        &self,
        app: u32,
        head: &'a Head,
        more: &mut More<'a>,
    ) -> Result<(), JobRefusal> {
        let count = more.of_queue.entry(&head.queue).or_default();
        (*count, more.jobs) = (*count + 1, more.jobs + 1);
        more.bytes += u64::from(head.body_bytes);
        let full = |setting: &str, limit| JobRefusal::QueueFull {
            queue: head.queue.clone(),
            setting: setting.to_owned(),
            limit,
        };
        if self.bytes + more.bytes > self.settings.queue_bytes_max {
            return Err(full("jobs.queue_bytes_max", self.settings.queue_bytes_max));
        }
        let queue = self.find_queue(app, &head.queue).map(|queue| &self.queues[queue as usize]);
        if queue.is_some_and(|queue| queue.draining) {
            let (queue, app) = (&head.queue, &head.app);
            let reason = format!(
                "queue \"{queue}\" is being drained and takes no new jobs; it takes them again after: \
                 appserver queue resume {queue} --app {app}"
            );
            return Err(JobRefusal::Unavailable { reason });
        }
        let there = queue.map_or(0, Queue::len);
        if there + *count > self.settings.queue_len_max {
            return Err(full("jobs.queue_len_max", self.settings.queue_len_max));
        }
        if more.there + more.jobs > self.settings.len_max {
            return Err(full("jobs.len_max", self.settings.len_max));
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
        let replaced =
            match draft.head.unique.as_ref().map_or(Decision::Make, |u| self.decide(app, u)) {
                Decision::Make => None,
                // Refusals were told before anything was made.
                Decision::Existing(id) | Decision::Refuse(id) => {
                    return Ok(Accepted { id, existing: true });
                }
                Decision::Replace(id) => Some(id),
            };
        let id = self.make(draft);
        // Afterwards: the batch that both are in is not over between them.
        if let Some(replaced) = replaced {
            self.cancel_waiting(replaced, REPLACED, reader)?;
        }
        Ok(Accepted { id, existing: false })
    }

    /// A job that follows another one, or a batch. Nobody is there to be told that its unique key is
    /// taken: then it is over as soon as it is made, for everybody to see.
    pub(super) fn follow(
        &mut self,
        app: &AppName,
        step: Step,
        then: Vec<Step>,
        input: Option<Vec<u8>>,
    ) -> JobId {
        let draft = self.draft_step(app, step, then, input);
        let app = self.app(app);
        let taken = |id| format!("its unique key is that of job {id}");
        let over = match draft.head.unique.as_ref().map_or(Decision::Make, |u| self.decide(app, u))
        {
            _ if draft.body.len() > ledger::PART_BYTES_MAX => {
                Some((JobState::Dead, "what it is to be called with is too large".to_owned()))
            }
            Decision::Make => None,
            Decision::Replace(id) => {
                self.keys.replaced.push(id);
                None
            }
            Decision::Existing(id) => Some((JobState::Cancelled, taken(id))),
            Decision::Refuse(id) => Some((JobState::Dead, taken(id))),
        };
        match over {
            None => self.make(draft),
            Some((state, cause)) => self.make_over(draft, state, cause),
        }
    }

    /// Puts the job where it waits; nothing can refuse it any more.
    fn make(&mut self, draft: Draft) -> JobId {
        let Draft { head, body, declarations } = draft;
        self.declare(declarations);
        let seq = self.take_seq();
        let id = self.id_of(seq, &head);
        let state = JobState::Waiting as u8;
        self.pending.push(Change::Insert { seq, state, head: head.to_bytes(), body });
        self.make_known(id, &head);
        let app = self.app(&head.app);
        self.throttles(app, id, &head);
        self.join_batch(&head, seq);
        self.counts_made(seq);
        self.admit(seq, &head);
        self.set_key_limit(&head);
        id
    }

    fn make_over(&mut self, draft: Draft, state: JobState, cause: String) -> JobId {
        let Draft { head, body, .. } = draft;
        let seq = self.take_seq();
        let id = self.id_of(seq, &head);
        let body = if body.len() > ledger::PART_BYTES_MAX { Vec::new() } else { body };
        let (waiting, head_bytes) = (JobState::Waiting as u8, head.to_bytes());
        self.pending.push(Change::Insert { seq, state: waiting, head: head_bytes, body });
        self.join_batch(&head, seq);
        self.counts_made(seq);
        self.bytes += u64::from(head.body_bytes);
        self.close(seq, head, None, state, cause);
        id
    }

    fn counts_made(&mut self, seq: u64) {
        self.totals.made += 1;
        self.told.made.push(seq);
    }

    /// A job that is in the ledger takes its place in memory.
    pub(super) fn admit(&mut self, seq: u64, head: &Head) {
        let kind = self.join_kind(head);
        self.bytes += u64::from(head.body_bytes);
        self.wait(seq, kind, head);
        self.takes_key(self.id_of(seq, head), head);
    }
}

/// What a request adds.
#[derive(Default)]
struct More<'a> {
    /// Jobs in all queues, before it and by it.
    there: u64,
    jobs: u64,
    bytes: u64,
    of_queue: HashMap<&'a str, u64>,
    /// Unique keys that its jobs will have to themselves.
    keys: HashSet<&'a str>,
}
