//! Batches: who is counted, and what follows exactly when.

use super::World;
use super::known::Known;
use super::steps::Wish;
use crate::worker::{With, app, job};
use ledger::Ledger as _;
use proptest::sample::Index;
use protocol::{BatchReport, JobId, JobRefusal, JobState, NewBatch, NewJob};
use std::collections::BTreeMap;

/// First byte of the arguments of what follows a batch; then its number, and which of the three it is.
pub(super) const FOLLOWS: u8 = 0xfb;
/// Of all of them.
const FOLLOWS_BYTES: u64 = 3;
const THEN: usize = 0;
const CATCH: usize = 1;
const FINALLY: usize = 2;

/// What an observer knows of a batch that was acknowledged.
#[derive(Debug)]
pub(super) struct KnownBatch {
    pub(super) id: JobId,
    wish: Wish,
    /// Its jobs, and how each was over the first time.
    members: BTreeMap<JobId, Option<JobState>>,
    /// How many of those that follow were made.
    made: [u32; 3],
}

impl KnownBatch {
    fn count(&self, state: JobState) -> u32 {
        let ended = self.members.values().filter(|end| **end == Some(state));
        u32::try_from(ended.count()).expect("few")
    }

    fn is_over(&self) -> bool {
        self.members.values().all(Option::is_some)
    }

    /// Of the arguments of what follows it, as long as that is held.
    pub(super) fn bytes(&self) -> u64 {
        let follows = self.wish.follows.iter().filter(|follows| **follows && !self.is_over());
        follows.map(|_| FOLLOWS_BYTES).sum()
    }

    fn has_failed(&self) -> bool {
        !self.wish.allow_failures && self.count(JobState::Dead) > 0
    }
}

fn follower() -> NewJob {
    job("other").queue("default")
}

impl World {
    pub(super) fn put_batch(&mut self, mut jobs: Vec<NewJob>, wish: Wish) {
        let number = self.batches.len();
        let follows = |which: usize| {
            let arguments = [number, which].map(|part| u8::try_from(part).expect("few"));
            let arguments = [&[FOLLOWS], arguments.as_slice()].concat();
            wish.follows[which].then(|| NewJob { arguments, ..follower() })
        };
        let batch = NewBatch {
            name: format!("{number}"),
            then: follows(THEN),
            catch: follows(CATCH),
            finally: follows(FINALLY),
            allow_failures: wish.allow_failures,
        };
        let chains: Vec<_> = jobs.iter_mut().map(|job| self.name_chain(job)).collect();
        let made = self.worker.engine.enqueue(
            &app(),
            jobs.clone(),
            Some(batch),
            self.worker.ledger.read(),
        );
        let made = made.expect("readable");
        if !self.worker.commit() {
            return;
        }
        let made = match made {
            Ok(made) => made,
            Err(JobRefusal::Unavailable { .. }) => return,
            Err(refusal) => panic!("{refusal:?}"),
        };
        let id = made.batch.expect("a batch");
        self.batches.push(KnownBatch { id, wish, members: BTreeMap::new(), made: [0; 3] });
        for ((job, chain), made) in jobs.iter().zip(chains).zip(&made.jobs) {
            let step = chain.map(|chain| (chain, 0));
            let known = Known { batch: Some(id), step, ..Known::of(job, self.real_ms) };
            self.known.insert(made.id, known);
            self.joins_batch(Some(id), made.id);
        }
    }

    pub(super) fn cancel_batch(&mut self, which: Index) {
        let Some(id) = self.pick_batch(which) else { return };
        let open = self.is_open(id);
        let cancelled = self.worker.engine.cancel_batch(id, self.worker.ledger.read());
        assert_eq!(cancelled.expect("readable"), open);
        if self.worker.commit() {
            for known in self.known.values_mut().filter(|known| known.batch == Some(id)) {
                known.cancelled = true;
            }
        }
    }

    pub(super) fn pick_batch(&self, which: Index) -> Option<JobId> {
        (!self.batches.is_empty()).then(|| which.get(&self.batches).id)
    }

    fn batch(&self, id: JobId) -> &KnownBatch {
        self.batches.iter().find(|batch| batch.id == id).expect("it was acknowledged")
    }

    pub(super) fn is_open(&self, id: JobId) -> bool {
        !self.batch(id).is_over()
    }

    /// Whether one of its jobs is dead, and the others are to be cancelled.
    pub(super) fn has_failed(&self, batch: Option<JobId>) -> bool {
        batch.is_some_and(|id| self.batch(id).has_failed())
    }

    pub(super) fn joins_batch(&mut self, batch: Option<JobId>, job: JobId) {
        let batch = batch.and_then(|id| self.batches.iter_mut().find(|batch| batch.id == id));
        if let Some(batch) = batch {
            batch.members.insert(job, None);
        }
    }

    /// It counts as cancelled if it was not over before.
    pub(super) fn is_deleted(&mut self, job: JobId) {
        let ends = self.batches.iter_mut().filter_map(|batch| batch.members.get_mut(&job));
        ends.for_each(|end| *end = end.or(Some(JobState::Cancelled)));
    }

    /// What follows a batch was made.
    pub(super) fn batch_is_followed(&mut self, arguments: &[u8], input: Option<&[u8]>) -> NewJob {
        let batch = &mut self.batches[usize::from(arguments[1])];
        let text = batch.id.to_string();
        assert_eq!(input.map(|input| &input[1..]), Some(text.as_bytes()), "whom it follows");
        batch.made[usize::from(arguments[2])] += 1;
        follower()
    }

    pub(super) fn check_batches(&self) {
        for batch in &self.batches {
            let report = self.worker.engine.batch_report(batch.id).expect("known");
            let BatchReport { total, done, failed, cancelled, .. } = report;
            assert_eq!(total as usize, batch.members.len(), "{report:?}");
            let ends = [JobState::Done, JobState::Dead, JobState::Cancelled];
            assert_eq!([done, failed, cancelled], ends.map(|end| batch.count(end)), "{batch:?}");
            let over = batch.is_over();
            let due = [over && done == total, failed > 0, over];
            for (which, due) in due.into_iter().enumerate() {
                let due = u32::from(due && batch.wish.follows[which]);
                assert_eq!(batch.made[which], due, "{which} of {batch:?}");
            }
        }
    }

    /// A job that is made to wait again is counted no second time.
    pub(super) fn note_ends(&mut self) {
        for batch in &mut self.batches {
            for (job, end) in batch.members.iter_mut().filter(|(_, end)| end.is_none()) {
                let state = self.worker.state(*job);
                *end = state.filter(|state| state.is_over());
            }
        }
    }

    /// After everything that can begin has begun: none of the others waits.
    pub(super) fn check_failed_batches(&mut self) {
        self.note_ends();
        for batch in self.batches.iter().filter(|batch| batch.has_failed()) {
            for (job, _) in batch.members.iter().filter(|(_, end)| end.is_none()) {
                assert_eq!(self.worker.state(*job), Some(JobState::Running), "{job}: {batch:?}");
            }
        }
    }
}
