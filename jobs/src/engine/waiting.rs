//! Jobs that wait, wherever they do: behind others, for a time, for another job of their key.

use super::Engine;
use super::groups::Member;
use crate::clock::{Due, Now};
use crate::deadlines::Deadlines;
use crate::record::Head;
use std::collections::HashMap;

/// Where a job stands when nothing holds it: among those of its kind, or of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Kind(u32),
    Group(u32),
}

/// A job's lane, and its rank there.
pub(super) type Spot = (Lane, i64);

/// Jobs whose turn cannot come yet, and those whose time will be over.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By the steady clock.
    after: Deadlines<Spot>,
    /// By the wall clock.
    at: Deadlines<Spot>,
    /// By the steady clock: dead if they have not begun.
    pub(super) expiring: Deadlines<()>,
    /// Another job of their key runs. No spot while their pause is not over either.
    behind_key: HashMap<u64, Option<Spot>>,
}

impl Waiting {
    pub(super) fn is_behind_key(&self, seq: u64) -> bool {
        self.behind_key.contains_key(&seq)
    }

    /// By a delay, the pause after a failure, or another job of its unique key that runs.
    pub(super) fn is_held(&self, seq: u64) -> bool {
        self.is_behind_key(seq) || self.pausing(seq).is_some()
    }

    /// How long a job still pauses, if it does.
    pub(super) fn pause_left_ms(&self, seq: u64, now: Now) -> Option<u64> {
        let after = self.after.at(seq).map(|ends| ends.saturating_sub(now.steady_ms));
        after.or_else(|| self.at.at(seq).map(|at| at.saturating_sub(now.wall_ms)))
    }

    /// How long nothing is due by the steady clock; `None` = for ever.
    pub(super) fn quiet_ms(&self, now: Now) -> Option<u64> {
        let steady = [self.after.next_ms(), self.expiring.next_ms()].into_iter().flatten();
        steady.map(|due| due.saturating_sub(now.steady_ms)).min()
    }

    /// When something is due by the wall clock.
    pub(super) fn next_wall_ms(&self) -> Option<u64> {
        self.at.next_ms()
    }

    fn pausing(&self, seq: u64) -> Option<Spot> {
        self.after.get(seq).or_else(|| self.at.get(seq)).copied()
    }

    fn pause_over(&mut self, now: Now) -> Option<(u64, Spot)> {
        self.after.pop_due(now.steady_ms).or_else(|| self.at.pop_due(now.wall_ms))
    }
}

impl Engine {
    /// A job of a kind that it has joined takes its place, now or when nothing holds it any more.
    pub(super) fn wait(&mut self, seq: u64, kind: u32, head: &Head) {
        let key = &self.kinds.class_of(kind).key;
        let (app, queue) = (key.app, key.queue);
        self.queues[queue as usize].waiting += 1;
        let spot = self.spot(app, kind, head);
        if let Some(expires) = head.expires {
            self.waiting.expiring.set(seq, expires.ends_steady_ms(self.now), ());
        }
        let pauses = self.begin_pause(seq, head.due, spot);
        let behind_key = self.is_key_running(head);
        if behind_key {
            self.waiting.behind_key.insert(seq, (!pauses).then_some(spot));
        }
        match spot {
            (Lane::Group(group), rank) => self.join_group(group, Member { seq, rank, kind }),
            (Lane::Kind(_), rank) if !pauses && !behind_key => self.stand(kind, (rank, seq)),
            (Lane::Kind(_), _) => {}
        }
    }

    fn spot(&mut self, app: u32, kind: u32, head: &Head) -> Spot {
        let lane = match &head.group {
            Some(group) => Lane::Group(self.group(app, group)),
            None => Lane::Kind(kind),
        };
        (lane, self.rank(head))
    }

    /// Whose turn it is: a step of priority is worth so much time of waiting, which makes the order of
    /// two jobs the same at all times.
    fn rank(&self, head: &Head) -> i64 {
        let order = i64::try_from(head.order_ms).unwrap_or(i64::MAX);
        let ageing = i64::try_from(self.settings.ageing_ms).unwrap_or(i64::MAX);
        order.saturating_sub(ageing.saturating_mul(i64::from(head.priority)))
    }

    /// Whether it does.
    fn begin_pause(&mut self, seq: u64, due: Due, spot: Spot) -> bool {
        let now = self.now;
        match due {
            Due::After(pause) if pause.ends_steady_ms(now) > now.steady_ms => {
                self.waiting.after.set(seq, pause.ends_steady_ms(now), spot);
                true
            }
            Due::At(wall_ms) if wall_ms > now.wall_ms => {
                self.waiting.at.set(seq, wall_ms, spot);
                true
            }
            Due::Now | Due::After(_) | Due::At(_) => false,
        }
    }

    pub(super) fn end_pauses(&mut self) {
        while let Some((seq, spot)) = self.waiting.pause_over(self.now) {
            match self.waiting.behind_key.get_mut(&seq) {
                Some(behind) => *behind = Some(spot),
                None => self.release(seq, spot),
            }
        }
    }

    fn release(&mut self, seq: u64, (lane, rank): Spot) {
        match lane {
            Lane::Kind(kind) => self.stand(kind, (rank, seq)),
            Lane::Group(group) => self.settle_group(group),
        }
    }

    /// The job of its key that ran does so no more.
    pub(super) fn no_more_behind_key(&mut self, seq: u64) {
        if let Some(Some(spot)) = self.waiting.behind_key.remove(&seq) {
            self.release(seq, spot);
        }
    }

    /// A job of the same key turns out to run: after a restart.
    pub(super) fn fall_behind_key(&mut self, seq: u64, head: &Head) {
        let Some(kind) = self.kind_of(head) else {
            return;
        };
        let spot = self.spot(self.kinds.class_of(kind).key.app, kind, head);
        let pauses = self.waiting.pausing(seq).is_some();
        self.waiting.behind_key.insert(seq, (!pauses).then_some(spot));
        match spot {
            (Lane::Kind(kind), rank) => self.step_back(kind, (rank, seq)),
            (Lane::Group(group), _) => self.settle_group(group),
        }
    }

    /// Takes a waiting job out of wherever it waits; its kind is still to be left.
    pub(super) fn withdraw(&mut self, seq: u64, head: &Head) -> Option<u32> {
        let kind = self.kind_of(head)?;
        self.waiting.after.remove(seq);
        self.waiting.at.remove(seq);
        self.waiting.behind_key.remove(&seq);
        let spot = self.spot(self.kinds.class_of(kind).key.app, kind, head);
        self.leave_lane(seq, kind, spot);
        Some(kind)
    }

    /// It is no more among those that wait.
    pub(super) fn leave_lane(&mut self, seq: u64, kind: u32, (lane, rank): Spot) {
        match lane {
            Lane::Kind(kind) => self.step_back(kind, (rank, seq)),
            Lane::Group(group) => self.leave_group(group, Member { seq, rank, kind }),
        }
        self.waiting.expiring.remove(seq);
        let queue = self.kinds.class_of(kind).key.queue;
        self.queues[queue as usize].waiting -= 1;
    }
}
