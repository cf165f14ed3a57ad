//! What is done with jobs, and what must come of it at once.

use super::World;
use super::chains::result_of;
use super::known::Known;
use super::steps::{How, QUEUES};
use crate::worker::app;
use jobs::{Cancelled, Ended};
use ledger::Ledger as _;
use proptest::sample::Index;
use protocol::{JobId, JobRefusal, JobState, NewJob, UniqueMode};

impl World {
    pub(super) fn put(&mut self, mut job: NewJob, batch: Option<Index>) {
        job.batch = batch.and_then(|which| self.pick_batch(which));
        let open = job.batch.is_none_or(|batch| self.is_open(batch));
        let options = job.options.clone();
        let chain = self.name_chain(&mut job);
        let mut known = Known::of(&job, self.real_ms);
        let holders = self.holders(&options);
        let made = self.worker.engine.enqueue(&app(), vec![job], None, self.worker.ledger.read());
        let made = made.expect("readable");
        if !self.worker.commit() {
            return;
        }
        let idempotent = options.idempotency_key.clone();
        let known_id = idempotent.as_ref().and_then(|key| self.idempotent.get(key).copied());
        let mode = options.unique.as_ref().map(|unique| unique.mode);
        match made {
            Err(JobRefusal::Unavailable { .. }) => {}
            Err(JobRefusal::UnknownBatch { .. }) => assert!(!open),
            Err(JobRefusal::Duplicate { id, .. }) => {
                assert_eq!(mode, Some(UniqueMode::Reject));
                assert!(holders.contains(&id), "{id} has no such key: {holders:?}");
            }
            Err(refusal) => panic!("{refusal:?}"),
            Ok(made) if made.jobs[0].existing => {
                let id = made.jobs[0].id;
                assert!(known_id == Some(id) || holders.contains(&id), "{id} is not the one");
            }
            Ok(made) => {
                let id = made.jobs[0].id;
                assert!(known_id.is_none(), "a second job of {idempotent:?}");
                let alone = matches!(mode, Some(UniqueMode::Reject | UniqueMode::Existing));
                assert!(!alone || holders.is_empty(), "{holders:?} have the key of {id}");
                assert!(open, "{id} joins a batch that is over");
                self.idempotent.extend(idempotent.map(|key| (key, id)));
                known.step = chain.map(|chain| (chain, 0));
                self.joins_batch(known.batch, id);
                self.known.insert(id, known);
            }
        }
    }

    pub(super) fn end(&mut self, which: Index, how: How) {
        let ids: Vec<JobId> = self.worker.running.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = *which.get(&ids);
        let start = self.worker.running[&id].clone();
        let ended = || match how {
            How::Returned => Ended::Returned(result_of(id)),
            How::Failed => Ended::Failed("failed".to_owned()),
            How::Crashed => Ended::Crashed("crashed".to_owned()),
            How::Interrupted => Ended::Interrupted,
            How::NotBegun => Ended::NotBegun("not begun".to_owned()),
        };
        // Who ended does so again until it is on disk.
        loop {
            assert!(self.worker.engine.finish(start.seq, start.context.attempt, ended()));
            self.worker.engine.tick(self.worker.ledger.read()).expect("readable");
            if self.worker.commit() {
                break;
            }
        }
        self.worker.running.remove(&id);
        if let How::NotBegun = how
            && let Some((_, at)) = self.rated.iter_mut().rfind(|(begun, _)| *begun == id)
        {
            *at = None;
        }
        assert!(!self.worker.engine.finish(start.seq, start.context.attempt, ended()), "twice");
        self.known.get_mut(&id).unwrap().returned |= matches!(how, How::Returned);
        if self.worker.state(id) == Some(JobState::Done) {
            self.is_done(id);
        }
    }

    pub(super) fn restart(&mut self) {
        // One failed commit of the restart itself is tried again by the next one.
        self.worker.commit();
        self.worker.restart();
    }

    fn pick(&self, which: Index) -> Option<JobId> {
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        (!ids.is_empty()).then(|| *which.get(&ids))
    }

    pub(super) fn cancel(&mut self, which: Index) {
        let Some(id) = self.pick(which) else { return };
        let live = self.is_live(id);
        let cancelled = self.worker.engine.cancel(id, self.worker.ledger.read()).expect("readable");
        assert_eq!(cancelled != Cancelled::TooLate, live);
        if self.worker.commit() && live {
            self.known.get_mut(&id).unwrap().cancelled = true;
        }
    }

    pub(super) fn retry(&mut self, which: Index) {
        let Some(id) = self.pick(which) else { return };
        let over = self.worker.state(id).is_some_and(JobState::is_over);
        let options = self.known[&id].options.clone();
        let free = self.holders(&options).is_empty();
        let retried = self.worker.engine.retry(id, self.worker.ledger.read()).expect("readable");
        assert_eq!(retried, over && free);
        if self.worker.commit() && retried {
            let known = self.known.get_mut(&id).unwrap();
            (known.cancelled, known.returned, known.retried) = (false, false, true);
            known.batch = None;
        }
    }

    pub(super) fn delete(&mut self, which: Index) {
        let Some(id) = self.pick(which) else { return };
        let runs = self.worker.running.contains_key(&id);
        let deleted = self.worker.engine.delete(id, self.worker.ledger.read()).expect("readable");
        assert_eq!(deleted, !runs);
        if self.worker.commit() && deleted {
            self.known.remove(&id);
            self.is_deleted(id);
        }
    }

    pub(super) fn set_paused(&mut self, queue: usize, paused: bool) {
        match paused {
            true => self.worker.engine.pause(&app(), QUEUES[queue]),
            false => self.worker.engine.resume(&app(), QUEUES[queue]),
        }
        if self.worker.commit() {
            self.paused[queue] = paused;
        }
    }
}
