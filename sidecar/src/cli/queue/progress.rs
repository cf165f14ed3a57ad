//! How far a change to many jobs is, on all workers together: one line that changes on a terminal, else a
//! line whenever it is twice as far. On stderr, since stdout has what came of it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by those who ask the workers.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// What was done to the jobs.
    done: &'static str,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    jobs: u64,
    /// From how many on it is said again.
    next: u64,
    /// Whether a line on a terminal is not ended.
    open: bool,
}

impl Progress {
    pub(super) fn new(done: &'static str) -> Self {
        Self { done, counts: Arc::default() }
    }

    /// So many more jobs, and these are not all.
    pub(super) fn add(&self, jobs: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.jobs += jobs;
        let (terminal, mut stderr) = (io::stderr().is_terminal(), io::stderr());
        if terminal {
            // That it cannot be shown is no reason to stop.
            let _ = write!(stderr, "\r{} so far: {} jobs ", self.done, counts.jobs);
            counts.open = true;
        } else if counts.jobs >= counts.next {
            let _ = writeln!(stderr, "{} so far: {} jobs", self.done, counts.jobs);
            counts.next = counts.jobs * 2;
        }
    }

    /// What comes next has a line of its own.
    pub(super) fn end(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut counts.open) {
            eprintln!();
        }
    }
}
