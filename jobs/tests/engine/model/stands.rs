//! How jobs stand, in memory, in the ledger, and for an engine that recovers.

use super::World;
use super::batches::KnownBatch;
use jobs::Head;
use ledger::{Ledger as _, States};
use protocol::{JobId, JobReport, JobState, Outcome, UniqueMode};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

impl World {
    /// No acknowledged job is lost, and each that is over has a reason to be.
    pub(super) fn check_ends(&mut self) {
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        for id in ids {
            let report = self.worker.find(id).unwrap_or_else(|| panic!("{id} is lost"));
            let known = &self.known[&id];
            let serial = known.options.unique.as_ref().is_some_and(|unique| {
                !matches!(unique.mode, UniqueMode::Reject | UniqueMode::Existing)
            });
            let expired = || {
                let last = report.attempts.last().map(|attempt| attempt.outcome);
                let expires = known.options.expires_ms;
                last == Some(Outcome::Expired)
                    && expires.is_some_and(|ms| self.real_ms >= known.made_at + ms || self.jumped)
            };
            match report.state {
                JobState::Waiting => {}
                JobState::Running => assert!(self.worker.running.contains_key(&id), "{id}"),
                JobState::Done => assert!(known.returned, "{id} is done without a result"),
                JobState::Dead => assert!(
                    report.failures >= report.attempts_max || report.crashes >= 3 || expired(),
                    "{id} is dead: {}",
                    report.waits_for
                ),
                JobState::Cancelled => assert!(
                    known.cancelled || serial || self.has_failed(known.batch),
                    "{id} is cancelled"
                ),
            }
        }
        for id in self.worker.running.keys() {
            assert_eq!(
                self.worker.engine.attempt_at(*id),
                Some(self.worker.running[id].context.attempt)
            );
        }
    }

    /// At most one waits and one runs of each unique key.
    pub(super) fn check_keys(&mut self) {
        let mut waiting: BTreeMap<String, JobId> = BTreeMap::new();
        let keyed: Vec<_> = self
            .known
            .iter()
            .filter_map(|(id, known)| Some((*id, known.options.unique.clone()?.key)))
            .collect();
        for (id, key) in keyed {
            if self.worker.state(id) == Some(JobState::Waiting)
                && let Some(other) = waiting.insert(key, id)
            {
                panic!("{id} and {other} wait with one key");
            }
        }
    }

    /// What is counted in memory is what the ledger has.
    pub(super) fn check_counts(&self) {
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut bytes = self.batches.iter().map(KnownBatch::bytes).sum();
        let each = &mut |row: ledger::Row<'_>| {
            let head = Head::read(row.seq, row.head).expect("readable");
            let state = JobState::from_byte(row.state).expect("a state");
            if !state.is_over() {
                bytes += u64::from(head.body_bytes);
                let (waiting, running) = counts.entry(head.queue).or_default();
                *waiting += u64::from(state == JobState::Waiting);
                *running += u64::from(state == JobState::Running);
            }
            ControlFlow::Continue(())
        };
        self.worker.ledger.read().scan(0, States::ALL, each).expect("readable");
        assert_eq!(self.worker.engine.bytes(), bytes);
        for queue in self.worker.engine.queues() {
            let there = counts.remove(&queue.queue).unwrap_or_default();
            assert_eq!((queue.waiting, queue.running), there, "{}", queue.queue);
        }
        assert!(counts.is_empty(), "queues that nobody knows: {counts:?}");
    }

    /// An engine that recovers now would do what this one does.
    pub(super) fn check_recovered(&mut self) {
        if self.jumped {
            return;
        }
        let twin = self.worker.twin();
        assert_eq!(twin.bytes(), self.worker.engine.bytes());
        for batch in &self.batches {
            let ours = self.worker.engine.batch_report(batch.id);
            assert_eq!(twin.batch_report(batch.id), ours);
        }
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        for id in ids {
            let ours = self.worker.find(id);
            let theirs = twin.report(id, self.worker.ledger.read()).expect("readable");
            // Of a window it is known how many began, not when each did.
            let rate = |report: &Option<JobReport>| {
                report.as_ref().is_some_and(|report| report.waits_for.contains("the rate of"))
            };
            if !rate(&theirs) {
                assert_eq!(ours, theirs);
            }
        }
    }
}
