//! The engine: everything about jobs that must be decided, by one owner, without clock, disk or threads.
//!
//! Its user tells it the time, hands requests in, and takes out what is to be committed and started:
//!
//! 1. [`Engine::set_now`], then any requests, [`Engine::tick`], [`Engine::dispatch`];
//! 2. [`Engine::take_changes`] go to the ledger in one commit;
//! 3. if that worked, requests are answered and attempts begun; if not, nothing of it happened: the
//!    engine is dropped, and a new one recovers from the ledger.
//!
//! What is held of a waiting job is some 20 bytes: its place among its kind. Head and body stay on disk,
//! and so do the texts of keys, of which there are fingerprints in memory.

mod batch;
mod batch_facts;
mod callbacks;
mod draft;
mod end;
mod enqueue;
mod explain;
mod followed;
mod gates;
mod groups;
mod idempotency;
mod kept;
mod keys;
mod kinds;
mod limits;
mod manage;
mod members;
mod on_disk;
mod options;
mod recover;
mod report;
mod run;
mod schedule;
mod signatures;
mod time;
mod waiting;

pub use enqueue::{Enqueued, check_count};
pub use manage::Cancelled;
pub use members::Slots;
pub use on_disk::{batch_on_disk, report_on_disk};
pub use run::{Ended, Start};

use crate::clock::Now;
use crate::fingerprint::Fingerprints;
use crate::pending::Pending;
use crate::random::Random;
use crate::settings::Settings;
use batch::Batch;
use gates::Gates;
use groups::Groups;
use idempotency::Idempotency;
use kept::Kept;
use keys::Keys;
use kinds::Kinds;
use ledger::Change;
use limits::Limiters;
use members::{App, Queue};
use protocol::{AppName, JobId, JobReport, JobTotals};
use run::Running;
use schedule::Schedules;
use signatures::Signatures;
use std::collections::HashMap;
use waiting::Waiting;

/// Kinds of facts in the ledger.
pub(crate) mod fact {
    /// By hash: a function's declaration when jobs of that signature were made.
    pub(crate) const SIGNATURE: u8 = 1;
    /// By application and queue: it is paused, or draining.
    pub(crate) const PAUSED: u8 = 2;
    /// By limit: how much of its window was used when.
    pub(crate) const RATE: u8 = 3;
    /// By application and key: the throttled job, and until when.
    pub(crate) const THROTTLE: u8 = 4;
    /// By application and key: the job of an idempotency key, and until when it is known.
    pub(crate) const IDEMPOTENCY: u8 = 5;
    /// By number: a batch, what comes after it.
    pub(crate) const BATCH: u8 = 6;
    /// By number: how the jobs of a batch stand.
    pub(crate) const BATCH_COUNTS: u8 = 7;
    /// By application and schedule: its last tick.
    pub(crate) const TICK: u8 = 8;
    /// By number: the jobs that followed a batch.
    pub(crate) const BATCH_FOLLOWED: u8 = 9;
    /// By when it ends, application and key: an idempotency key.
    pub(crate) const IDEMPOTENCY_END: u8 = 10;
}

/// See the module.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    tag: u16,
    next_seq: u64,
    random: Random,
    now: Now,
    /// What is added to the steady clock to order jobs: so that no jump of the wall clock changes whose
    /// turn it is, and a restart goes on where the last job stood.
    order_offset_ms: i64,
    apps: Vec<App>,
    app_ids: HashMap<AppName, u32>,
    queues: Vec<Queue>,
    queue_ids: HashMap<(u32, Box<str>), u32>,
    fingerprints: Fingerprints,
    kinds: Kinds,
    groups: Groups,
    gates: Gates,
    limits: Limiters,
    waiting: Waiting,
    running: HashMap<u64, Running>,
    kept: Kept,
    keys: Keys,
    idempotency: Idempotency,
    schedules: Schedules,
    signatures: Signatures,
    batches: HashMap<u64, Batch>,
    /// Batches whose other jobs are to be cancelled, and from which one on.
    failing_batches: Vec<(u64, u64)>,
    /// Jobs that wait but cannot be read, and why: left alone.
    aside: HashMap<u64, String>,
    /// Bytes of all bodies of jobs that wait or run, and of what follows batches.
    bytes: u64,
    /// There are slots, and jobs that were not looked at yet.
    dispatches_more: bool,
    pending: Pending,
    told: Told,
    totals: JobTotals,
}

/// What the engine's user is to be told.
#[derive(Debug, Default)]
struct Told {
    made: Vec<u64>,
    over: Vec<u64>,
    unkept: Vec<JobReport>,
    batches_over: Vec<u64>,
    interrupts: Vec<u64>,
    troubles: Vec<String>,
}

impl Engine {
    /// An engine without jobs; [`Engine::recover`] gives it those of a ledger.
    pub fn new(settings: Settings, tag: u16, last_seq: u64, seed: u64, now: Now) -> Self {
        Self {
            settings,
            tag,
            next_seq: last_seq + 1,
            random: Random::new(seed),
            now,
            order_offset_ms: 0,
            apps: Vec::new(),
            app_ids: HashMap::new(),
            queues: Vec::new(),
            queue_ids: HashMap::new(),
            fingerprints: Fingerprints::default(),
            kinds: Kinds::default(),
            groups: Groups::default(),
            gates: Gates::default(),
            limits: Limiters::default(),
            waiting: Waiting::default(),
            running: HashMap::new(),
            kept: Kept::default(),
            keys: Keys::default(),
            idempotency: Idempotency::new(now),
            schedules: Schedules::default(),
            signatures: Signatures::default(),
            batches: HashMap::new(),
            failing_batches: Vec::new(),
            aside: HashMap::new(),
            bytes: 0,
            dispatches_more: false,
            pending: Pending::default(),
            told: Told::default(),
            totals: JobTotals::default(),
        }
    }

    pub fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    /// What is to be committed, in order, before anything that was answered is told to anybody.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.idempotency.pending.clear();
        self.pending.take()
    }

    /// Jobs that were made since the last time, by requests, schedules, chains and batches.
    pub fn take_made(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.told.made)
    }

    /// Jobs that are over since the last time: who awaits them can be told after the commit.
    pub fn take_over(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.told.over)
    }

    /// How those of them stood that are not kept: the ledger has nothing of them once this is committed.
    pub fn take_unkept(&mut self) -> Vec<JobReport> {
        std::mem::take(&mut self.told.unkept)
    }

    /// As [`Engine::take_over`], of batches.
    pub fn take_batches_over(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.told.batches_over)
    }

    /// Running jobs that somebody cancelled: their calls are to be interrupted.
    pub fn take_interrupts(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.told.interrupts)
    }

    /// What went wrong, for the log: what could not be read of the ledger, ticks that made no job.
    pub fn take_troubles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told.troubles)
    }

    pub fn tag(&self) -> u16 {
        self.tag
    }

    fn take_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    fn id_of(&self, seq: u64, head: &crate::record::Head) -> JobId {
        head.id(self.tag, seq)
    }

    /// The clock that orders jobs.
    fn order_ms(&self) -> u64 {
        let steady = i64::try_from(self.now.steady_ms).unwrap_or(i64::MAX);
        u64::try_from(steady.saturating_add(self.order_offset_ms)).unwrap_or(0)
    }
}
