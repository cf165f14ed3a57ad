//! The keeper's end: what still runs is put back, and what cannot be written is said.

use super::keeper::Keeper;
use super::sickness::Sick;
use jobs::{Ended, Head};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// How many jobs are named of those whose attempts' ends are lost.
pub(super) const NAMED_MAX: usize = 10;

impl Keeper {
    /// No attempt begins any more.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        for app in self.apps.keys() {
            self.engine.set_slots(app, 0);
        }
    }

    /// The last round, and the end of the ledger. Before either may wait for a disk, who was answered by
    /// the round before hears it.
    pub(super) async fn close(mut self, done: oneshot::Sender<()>) {
        yield_now().await;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.put_back())) {
            self.fall_sick_by_defect(&*panic);
        }
        yield_now().await;
        drop(self.ledger);
        // Who waited may have lost patience.
        let _ = done.send(());
    }

    /// There is no later.
    fn put_back(&mut self) {
        let running: Vec<(u64, u32)> = self.engine.running().collect();
        let interrupted = |(seq, attempt)| (seq, attempt, Ended::Interrupted);
        self.ends.extend(running.into_iter().map(interrupted));
        self.sick.iter_mut().for_each(Sick::try_now);
        let round = self.round(Vec::new());
        self.follow_up(round);
        if let Some(sick) = &self.sick {
            self.tell_lost(&sick.reason);
        }
    }

    /// To the log, because nobody else is there any more.
    fn tell_lost(&self, reason: &str) {
        let lost: BTreeSet<u64> = self.ends.iter().map(|(seq, ..)| *seq).collect();
        if lost.is_empty() {
            return;
        }
        let reader = self.ledger.read();
        let id = |seq: &u64| {
            let entry = reader.entry(*seq).ok()??;
            Some(Head::read(*seq, &entry.head).ok()?.id(self.ledger.tag(), *seq).to_string())
        };
        let named: Vec<String> = lost.iter().take(NAMED_MAX).filter_map(id).collect();
        tracing::error!(
            attempts = lost.len(),
            jobs = named.join(" "),
            "how these attempts ended could not be written ({reason}): they will count as crashes, and \
             their jobs run again"
        );
    }
}
