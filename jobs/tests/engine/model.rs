//! Whatever is done in whatever order, with restarts and commits that fail: what must always hold.
//!
//! [`Step`] is what happens, [`World`] a worker beside what a simple observer knows of it.

mod acts;
mod batches;
mod begins;
mod chains;
mod known;
mod schedules;
mod stands;
mod steps;
mod waits;

use crate::worker::{Release, Worker, app, function};
use batches::KnownBatch;
use chains::KnownChain;
use jobs::{Limits, Settings};
use known::Known;
use ledger::Ledger as _;
use proptest::prelude::*;
use protocol::{JobId, Rate};
use schedules::{KnownTicks, scheduled};
use std::collections::BTreeMap;
use steps::{Step, steps};

const RATE: Rate = Rate { count: 2, period_ms: 700 };
const YEAR_MS: u64 = 365 * 24 * 3_600_000;

struct World {
    worker: Worker,
    known: BTreeMap<JobId, Known>,
    batches: Vec<KnownBatch>,
    chains: Vec<KnownChain>,
    ticks: KnownTicks,
    /// Up to which number entries of the ledger were looked at.
    seen: u64,
    /// Time that no restart and no jump changes.
    real_ms: u64,
    /// When jobs of the rated queue were told to begin; none for those that never did.
    rated: Vec<(JobId, Option<u64>)>,
    /// Which engine began the last of them.
    rated_by: u32,
    /// The clock has jumped: what is stored by it may be early or late after a restart.
    jumped: bool,
    /// A release runs.
    deployed: bool,
    most_of_work: u32,
    paused: [bool; 3],
    idempotent: BTreeMap<String, JobId>,
}

impl World {
    fn new() -> Self {
        let settings = Settings { keep_ms: YEAR_MS, ..Settings::default() };
        let mut world = Self {
            worker: Worker::with(settings).slots(2),
            known: BTreeMap::new(),
            batches: Vec::new(),
            chains: Vec::new(),
            ticks: KnownTicks::default(),
            seen: 0,
            real_ms: 0,
            rated: Vec::new(),
            rated_by: 0,
            jumped: false,
            deployed: true,
            most_of_work: 2,
            paused: [false; 3],
            idempotent: BTreeMap::new(),
        };
        world.worker.deploy(Some(world.release()));
        world.worker.commit();
        world
    }

    fn release(&self) -> Release {
        let mut work = function("work", &[]);
        work.job.concurrency = Some(self.most_of_work);
        Release::of(&["other"])
            .with(work)
            .with(scheduled())
            .queue("narrow", Limits { concurrency: Some(1), rate: None })
            .queue("rated", Limits { concurrency: None, rate: Some(RATE) })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Put(job, batch) => self.put(*job, batch),
            Step::PutBatch(jobs, wish) => self.put_batch(jobs, wish),
            Step::Run => self.run(),
            Step::End(which, how) => self.end(which, how),
            Step::Advance(ms) => {
                self.real_ms += ms;
                self.worker.advance(ms);
            }
            Step::Jump(ms) => {
                self.jumped = true;
                self.worker.jump(ms);
            }
            Step::Restart => self.restart(),
            Step::FailCommit => self.worker.fail_next_commit(),
            Step::Cancel(which) => self.cancel(which),
            Step::CancelBatch(which) => self.cancel_batch(which),
            Step::Retry(which) => self.retry(which),
            Step::Delete(which) => self.delete(which),
            Step::Pause(queue) => self.set_paused(queue, true),
            Step::Resume(queue) => self.set_paused(queue, false),
            Step::Slots(slots) => {
                self.worker.slots = slots;
                self.worker.engine.set_slots(&app(), slots);
            }
            Step::Deploy(most) => {
                self.deployed = most.is_some();
                self.most_of_work = most.unwrap_or(self.most_of_work);
                let release = self.deployed.then(|| self.release());
                self.worker.deploy(release);
            }
            Step::Sweep => {
                self.worker.engine.sweep(self.worker.ledger.read()).expect("readable");
                self.worker.commit();
            }
        }
    }

    /// What holds at every moment.
    fn check(&mut self) {
        self.discover();
        self.note_ends();
        self.check_ends();
        self.check_keys();
        self.check_counts();
        self.check_batches();
        self.check_chains();
        self.check_ticks();
    }
}

proptest! {
    #[test]
    fn whatever_happens_every_promise_is_kept(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check();
        }
        world.take(Step::Run);
        world.check();
    }
}
