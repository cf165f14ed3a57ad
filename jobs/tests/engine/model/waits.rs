//! What must be true of jobs that wait.

use super::World;
use super::known::Known;
use super::steps::QUEUES;
use protocol::{JobId, JobReport, JobState};

impl World {
    /// After everything that can begin has begun, whoever waits has a true reason.
    pub(super) fn check_waiting(&mut self) {
        let ids: Vec<JobId> = self.known.keys().copied().collect();
        for id in ids {
            let Some(report) = self.worker.find(id) else { continue };
            if report.state == JobState::Waiting {
                self.check_reason(id, &report);
            }
        }
    }

    fn check_reason(&mut self, id: JobId, report: &JobReport) {
        let why = &report.waits_for;
        let running: Vec<&Known> = self.worker.running.keys().map(|id| &self.known[id]).collect();
        let known = &self.known[&id];
        let count = |same: &dyn Fn(&&&Known) -> bool| running.iter().filter(same).count();
        let has = |part: &str| why.contains(part);
        let o = &known.options;
        let is_true = if has("it is delayed") || has("has ended: the next one") {
            report.due_ms > self.worker.now.wall_ms || self.jumped
        } else if has("is paused") {
            let at = QUEUES.iter().position(|name| *name == report.queue).unwrap();
            self.paused[at]
        } else if has("come first") {
            let same = |other: &Known| other.options.group == o.group;
            let before =
                self.known.range(..).filter(|(other, k)| other.seq() < id.seq() && same(k));
            let before: Vec<JobId> = before.map(|(other, _)| *other).collect();
            before.into_iter().any(|other| self.is_live(other))
        } else if has("of its group") {
            count(&|other| other.options.group == o.group) == 1
        } else if has("of its unique key") {
            count(&|other| other.options.unique == o.unique) == 1
        } else if has("function work() runs") {
            count(&|other| other.function == "work") >= self.most_of_work as usize
        } else if has("queue \"narrow\" runs") {
            count(&|other| other.options.queue == o.queue) == 1
        } else if has("the rate of") {
            // After a restart all of a window count as the last of it.
            report.queue == "rated" && (self.jumped || !self.rated.is_empty())
        } else if has("key \"at most") {
            let most = o.limit.as_ref().and_then(|limit| limit.concurrency).unwrap();
            count(&|other| other.options.limit == o.limit) >= most as usize
        } else if has("places for jobs") {
            running.len() >= self.worker.slots as usize
        } else {
            has("no executor") && self.worker.slots == 0 || has("no release of shop runs")
        };
        assert!(is_true, "{id} could begin, or this is not why: {why:?}");
    }
}
