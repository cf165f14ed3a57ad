//! How jobs stand, for whoever looks: shown by the thread that keeps them, so that a look neither waits
//! for the disk nor keeps that thread from its work.

use super::keeper::Keeper;
use super::shortage::Shortage;
use jobs::Engine;
use ledger::Ledger;
use protocol::{JobsStatus, LedgerStatus};
use shm::histogram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is shown at most, while there is work.
const SHOW_EVERY: Duration = Duration::from_millis(100);
/// The share of its time that the thread spends on it at most: one part in so many.
const SHARE: u32 = 50;

/// What was shown last.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    status: Arc<Mutex<JobsStatus>>,
    last_seq: Arc<AtomicU64>,
}

impl Shown {
    pub(super) fn get(&self) -> JobsStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The highest number that a job on disk ever had.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq.load(Ordering::Acquire)
    }

    /// After each commit, before anybody is told of it: who is told of a job finds it.
    pub(super) fn set_last_seq(&self, seq: u64) {
        self.last_seq.store(seq, Ordering::Release);
    }

    fn set(&self, status: JobsStatus) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// What the keeper knows beside engine and ledger, and when it showed all of it.
#[derive(Debug)]
pub(super) struct Show {
    shown: Shown,
    commits_us: u64,
    commits: Vec<u64>,
    stale: bool,
    next: Instant,
}

impl Show {
    pub(super) fn new(shown: Shown) -> Self {
        let commits = vec![0; histogram::BUCKETS];
        Self { shown, commits_us: 0, commits, stale: true, next: Instant::now() }
    }

    /// A commit is on disk.
    pub(super) fn committed(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commits_us += nanos / 1000;
        self.commits[histogram::bucket(nanos)] += 1;
    }

    /// Something has changed.
    pub(super) fn changed(&mut self) {
        self.stale = true;
    }

    /// Shows how it stands.
    fn refresh(
        &mut self,
        engine: &Engine,
        ledger: &dyn Ledger,
        refused: Option<String>,
        awaiting: u64,
    ) {
        let began = Instant::now();
        self.shown.set(JobsStatus { refused, awaiting, ..self.status(engine, ledger) });
        self.stale = false;
        self.next = Instant::now() + SHOW_EVERY.max(began.elapsed() * SHARE);
    }

    fn status(&self, engine: &Engine, ledger: &dyn Ledger) -> JobsStatus {
        let size = ledger.size().unwrap_or_default();
        let mut queues = engine.queues();
        queues.sort_by(|a, b| (&a.app, &a.queue).cmp(&(&b.app, &b.queue)));
        JobsStatus {
            totals: engine.totals(),
            bytes: engine.bytes(),
            ledger: LedgerStatus {
                live_bytes: size.live_bytes,
                file_bytes: size.file_bytes,
                log_bytes: size.log_bytes,
                commits_us: self.commits_us,
                commits: self.commits.clone(),
            },
            queues,
            ..JobsStatus::default()
        }
    }
}

impl Keeper {
    /// Shows how jobs stand, if that changed and is due; else how long until it is.
    pub(super) fn show_if_due(&mut self) -> Option<Duration> {
        let wait = self.show.next.saturating_duration_since(Instant::now());
        match self.show.stale {
            false => None,
            true if wait.is_zero() => {
                self.show_all();
                None
            }
            true => Some(wait),
        }
    }

    /// Shows it at once: whoever is told next looks for it.
    pub(super) fn show_all(&mut self) {
        let sick = self.sick.as_ref().map(|sick| sick.reason.clone());
        let refused = self.shortage.as_ref().map(Shortage::in_words).or(sick);
        let awaiting = self.awaiting.count() as u64;
        self.show.refresh(&self.engine, self.ledger.as_ref(), refused, awaiting);
    }
}
