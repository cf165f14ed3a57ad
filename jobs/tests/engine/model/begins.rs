//! What must be true of attempts that begin.

use super::known::Known;
use super::steps::QUEUES;
use super::{RATE, World};
use protocol::{JobId, JobReport, JobState};
use std::collections::BTreeMap;

impl World {
    pub(super) fn run(&mut self) {
        let before: BTreeMap<JobId, JobReport> = self
            .known
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|id| Some((id, self.worker.find(id)?)))
            .collect();
        let mut live: BTreeMap<_, _> =
            before.into_iter().filter(|(_, r)| !r.state.is_over()).collect();
        let mut running: Vec<JobId> = self.worker.running.keys().copied().collect();
        let failed = self.worker.failed_commits;
        let begun = self.worker.step();
        if self.worker.failed_commits > failed {
            return self.run();
        }
        self.discover();
        // Those that time or another job ended before anything began.
        live.retain(|id, _| running.contains(id) || begun.contains(id) || self.is_live(*id));
        for id in begun {
            self.check_begin(id, &live, &running);
            running.push(id);
            if let Some(report) = live.get_mut(&id) {
                report.state = JobState::Running;
            }
        }
        self.check_waiting();
        self.check_failed_batches();
        self.check_no_tick_is_late();
        self.check_recovered();
    }

    fn check_begin(&mut self, id: JobId, live: &BTreeMap<JobId, JobReport>, running: &[JobId]) {
        let known = &self.known[&id];
        let others = |same: &dyn Fn(&Known) -> bool| {
            running.iter().filter(|other| same(&self.known[other])).count()
        };
        if let Some(group) = &known.options.group {
            let same = |other: &Known| other.options.group.as_ref() == Some(group);
            assert_eq!(others(&same), 0, "{id} begins beside another of its group");
            let overtaken =
                live.keys().find(|other| other.seq() < id.seq() && same(&self.known[other]));
            assert_eq!(overtaken, None, "{id} overtakes in its group");
        }
        if let Some(unique) = &known.options.unique {
            let same = |other: &Known| other.options.unique.as_ref() == Some(unique);
            assert_eq!(others(&same), 0, "{id} begins beside another of its key");
        }
        if let Some(limit) = &known.options.limit {
            let same = |other: &Known| other.options.limit.as_ref() == Some(limit);
            assert!(others(&same) < limit.concurrency.unwrap() as usize, "{id}: {limit:?}");
        }
        if known.function == "work" {
            assert!(others(&|other| other.function == "work") < self.most_of_work as usize);
        }
        let queue = known.options.queue.clone();
        let in_queue = |other: &Known| other.options.queue == queue;
        match queue.as_deref() {
            Some("narrow") => assert_eq!(others(&in_queue), 0, "{id}"),
            Some("rated") => {
                // A new engine knows windows by the wall clock.
                if self.jumped && self.worker.engines > self.rated_by {
                    self.rated.clear();
                }
                self.rated_by = self.worker.engines;
                let since = |at: &u64| *at + RATE.period_ms > self.real_ms;
                let used = self.rated.iter().filter_map(|(_, at)| *at).filter(since).count();
                assert!(used < RATE.count as usize, "{id} is over the rate");
                self.rated.push((id, Some(self.real_ms)));
            }
            _ => {}
        }
        let at = QUEUES.iter().position(|name| queue.as_deref() == Some(name)).unwrap();
        assert!(!self.paused[at], "{id} begins in a paused queue");
        self.check_first_come(id, live);
    }

    /// Among jobs with nothing special the first one begins first.
    fn check_first_come(&self, id: JobId, live: &BTreeMap<JobId, JobReport>) {
        let plain = |id: &JobId| {
            let known = &self.known[id];
            let o = &known.options;
            let simple = o.group.is_none() && o.limit.is_none() && o.unique.is_none();
            let first = live.get(id).is_some_and(|report| report.attempt == 0);
            (simple && o.delay_ms.unwrap_or(0) == 0 && first && !known.retried)
                .then(|| (known.function.clone(), o.queue.clone(), o.priority))
        };
        let Some(like) = plain(&id) else {
            return;
        };
        let waits = |other: &JobId| live[other].state == JobState::Waiting;
        let overtaken = live.keys().find(|other| {
            other.seq() < id.seq() && waits(other) && plain(other).as_ref() == Some(&like)
        });
        assert_eq!(overtaken, None, "{id} overtakes");
    }
}
