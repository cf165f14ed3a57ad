//! What follows batches: jobs of their own, which the batch leads to.

use super::{Engine, fact};
use crate::encoded;
use crate::record::Step;
use ledger::Change;
use protocol::{Followed, JobId, body_to_vec};

impl Engine {
    /// A callback. It is no member of the batch, whose id it gets.
    pub(super) fn follow_batch(&mut self, id: JobId, callback: Option<Step>) -> Option<JobId> {
        let callback = callback?;
        let app = self.batches.get(&id.seq())?.record.app.clone();
        Some(self.follow(&app, callback, Vec::new(), Some(encoded::id(id))))
    }

    pub(super) fn note_followed(&mut self, seq: u64, note: impl FnOnce(&mut Followed)) {
        if let Some(batch) = self.batches.get_mut(&seq) {
            note(&mut batch.followed);
            let (key, value) = (seq.to_be_bytes().to_vec(), body_to_vec(&batch.followed));
            self.pending.push(Change::SetFact { kind: fact::BATCH_FOLLOWED, key, value });
        }
    }

    pub(super) fn steps_after_batches(&self) -> impl Iterator<Item = &Step> {
        let callbacks = self.batches.values().map(|batch| &batch.record.callbacks);
        callbacks.flat_map(|c| [&c.then, &c.catch, &c.finally].into_iter().flatten())
    }
}
