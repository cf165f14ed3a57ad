//! What an observer knows of jobs.

use super::World;
use protocol::{JobId, JobOptions, NewJob};

/// What an observer knows of a job that was acknowledged.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) options: JobOptions,
    pub(super) function: String,
    pub(super) made_at: u64,
    pub(super) cancelled: bool,
    pub(super) returned: bool,
    /// Made to wait again by hand.
    pub(super) retried: bool,
    /// Which batch counts it.
    pub(super) batch: Option<JobId>,
    /// Of which chain it is which step, the first one being 0.
    pub(super) step: Option<(usize, usize)>,
}

impl Known {
    /// Just made.
    pub(super) fn of(job: &NewJob, made_at: u64) -> Self {
        Self {
            options: job.options.clone(),
            function: job.function.clone(),
            made_at,
            cancelled: false,
            returned: false,
            retried: false,
            batch: job.batch,
            step: None,
        }
    }
}

impl World {
    /// Jobs that are not over and have the same unique key.
    pub(super) fn holders(&mut self, options: &JobOptions) -> Vec<JobId> {
        let Some(unique) = &options.unique else {
            return Vec::new();
        };
        let same = |known: &Known| known.options.unique.as_ref() == Some(unique);
        let ids: Vec<_> = self.known.iter().filter(|(_, k)| same(k)).map(|(id, _)| *id).collect();
        ids.into_iter().filter(|id| self.is_live(*id)).collect()
    }

    pub(super) fn is_live(&mut self, id: JobId) -> bool {
        self.worker.state(id).is_some_and(|state| !state.is_over())
    }
}
