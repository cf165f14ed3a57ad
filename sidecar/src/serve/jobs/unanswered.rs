//! How many wait for the thread that keeps jobs, which cannot say it itself while it waits for a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests of clients and questions of administrators; not those who await the end of a job.
#[derive(Clone, Debug, Default)]
pub(super) struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    /// One more, for as long as what is returned lives.
    pub(super) fn enter(&self) -> Asked {
        self.0.fetch_add(1, Ordering::Relaxed);
        Asked(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct Asked(Unanswered);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
