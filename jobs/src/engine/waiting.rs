//! Jobs that wait, wherever they do: behind others, for a time, for another job of their key.

use super::Engine;
use super::lanes::Hold;
use crate::clock::{Due, Now};
use crate::deadlines::Deadlines;
use crate::record::Head;
use std::collections::HashMap;

/// A job's lane, and its rank there.
pub(super) type Spot = (u32, i64);

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
        let key = &self.kinds[kind as usize].key;
        let (app, queue) = (key.app, key.queue);
        self.queues[queue as usize].waiting += 1;
        let (lane, rank) = self.spot(app, kind, head);
        if let Some(expires) = head.expires {
            self.waiting.expiring.set(seq, expires.ends_steady_ms(self.now), ());
        }
        let pauses = self.begin_pause(seq, head.due, (lane, rank));
        let hold = match self.is_key_running(app, head) {
            true => {
                let spot = (!pauses).then_some((lane, rank));
                self.waiting.behind_key.insert(seq, spot);
                Some(Hold::Key)
            }
            false => pauses.then_some(Hold::Pause),
        };
        self.lanes.insert(lane, seq, rank, kind, hold);
        self.place(lane);
    }

    fn spot(&mut self, app: u32, kind: u32, head: &Head) -> Spot {
        let lane = match &head.group {
            Some(group) => self.lanes.of_group(app, group),
            None => self.kinds[kind as usize].lane,
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
        self.lanes.hold(lane, seq, rank, None);
        self.place(lane);
    }

    /// The job of its key that ran does so no more.
    pub(super) fn no_more_behind_key(&mut self, seq: u64) {
        if let Some(Some(spot)) = self.waiting.behind_key.remove(&seq) {
            self.release(seq, spot);
        } else if let Some((lane, rank)) = self.waiting.pausing(seq) {
            self.lanes.hold(lane, seq, rank, Some(Hold::Pause));
        }
    }

    /// A job of the same key turns out to run: after a restart.
    pub(super) fn fall_behind_key(&mut self, seq: u64, head: &Head) {
        let Some(kind) = self.kind_of(head) else {
            return;
        };
        let (lane, rank) = self.spot(self.kinds[kind as usize].key.app, kind, head);
        let pauses = self.waiting.pausing(seq).is_some();
        self.waiting.behind_key.insert(seq, (!pauses).then_some((lane, rank)));
        self.lanes.hold(lane, seq, rank, Some(Hold::Key));
        self.place(lane);
    }

    /// Takes a waiting job out of wherever it waits; its kind is still to be left.
    pub(super) fn withdraw(&mut self, seq: u64, head: &Head) -> Option<u32> {
        let kind = self.kind_of(head)?;
        let (lane, rank) = self.spot(self.kinds[kind as usize].key.app, kind, head);
        self.waiting.after.remove(seq);
        self.waiting.at.remove(seq);
        self.waiting.behind_key.remove(&seq);
        self.leave_lane(seq, kind, lane, rank);
        self.place(lane);
        Some(kind)
    }

    /// It is no more among those that wait. The lane is to be placed.
    pub(super) fn leave_lane(&mut self, seq: u64, kind: u32, lane: u32, rank: i64) {
        self.lanes.remove(lane, seq, rank);
        self.waiting.expiring.remove(seq);
        let queue = self.kinds[kind as usize].key.queue;
        self.queues[queue as usize].waiting -= 1;
    }
}
