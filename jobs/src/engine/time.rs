//! What time brings: pauses end, jobs expire, what is kept is removed.

use super::lanes::Place;
use super::{Engine, fact};
use crate::clock::Due;
use crate::pending::ReadError;
use crate::record::{Body, Head};
use crate::timers::Timer;
use ledger::{Change, Reader};
use protocol::JobState;

/// Most removals of one commit, so that none takes long.
const REMOVED_AT_ONCE_MAX: usize = 512;

impl Engine {
    /// Does what is due by now.
    pub fn tick(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        while let Some(timer) = self.timers.ring(self.now) {
            match timer {
                Timer::Due { seq, turn, kind, rank } => self.on_due(seq, turn, kind, rank),
                Timer::Lane(lane) => {
                    if self.lanes.contains(lane as usize) {
                        self.place(lane);
                    }
                }
                Timer::Limiter(limiter) => self.on_limiter_rings(limiter),
                Timer::Expires { seq } => self.on_expires(seq, reader)?,
            }
        }
        self.end_failing_batches(reader)?;
        self.remove_kept();
        Ok(())
    }

    /// How long there is nothing to do unless somebody asks, in milliseconds; `None` = for ever.
    pub fn quiet_ms(&self) -> Option<u64> {
        let kept = [&self.kept, &self.kept_dead].into_iter().filter_map(|kept| kept.first());
        let removal = kept.map(|(at, _)| at.saturating_sub(self.now.steady_ms));
        removal.chain(self.timers.quiet_ms(self.now)).min()
    }

    /// A job takes its place, now or when its pause is over. It is counted already.
    pub(super) fn wait(&mut self, seq: u64, kind: u32, head: &Head) {
        let key = &self.kinds[kind as usize].key;
        let (app, queue) = (key.app, key.queue);
        self.queues[queue as usize].waiting += 1;
        let rank = self.rank(head);
        let turn = head.turn;
        if let Some(group) = &head.group {
            return self.wait_in_group(
                app,
                group,
                Place { order: as_order(seq), seq, kind, turn },
                rank,
                head.due,
            );
        }
        match head.due {
            Due::After(pause) => {
                self.timers
                    .after(pause.ends_steady_ms(self.now), Timer::Due { seq, turn, kind, rank });
            }
            Due::At(wall_ms) if wall_ms > self.now.wall_ms => {
                self.timers.at(wall_ms, Timer::Due { seq, turn, kind, rank });
            }
            Due::Now | Due::At(_) => {
                let lane = self.kinds[kind as usize].lane;
                self.join(lane, Place { order: rank, seq, kind, turn });
            }
        }
    }

    fn wait_in_group(&mut self, app: u32, group: &str, place: Place, rank: i64, due: Due) {
        let lane = self.group_lane(app, group);
        let ends = match due {
            Due::After(pause) => pause.ends_steady_ms(self.now),
            Due::Now | Due::At(_) => 0,
        };
        match due {
            Due::Now => {}
            Due::After(_) => self.timers.after(ends, Timer::Lane(lane)),
            Due::At(wall_ms) => self.timers.at(wall_ms, Timer::Lane(lane)),
        }
        if let Some(group) = &mut self.lanes[lane as usize].group {
            group.members.insert(place.seq, (rank, due, ends));
        }
        self.join(lane, place);
    }

    /// Whose turn it is: a step of priority is worth so much time of waiting, which makes the order of
    /// two jobs the same at all times.
    fn rank(&self, head: &Head) -> i64 {
        let order = i64::try_from(head.order_ms).unwrap_or(i64::MAX);
        let ageing = i64::try_from(self.settings.ageing_ms).unwrap_or(i64::MAX);
        order.saturating_sub(ageing.saturating_mul(i64::from(head.priority)))
    }

    fn on_due(&mut self, seq: u64, turn: u32, kind: u32, rank: i64) {
        if !self.gone.is_empty() && self.gone.remove(&(seq, turn)) {
            return;
        }
        let lane = self.kinds[kind as usize].lane;
        self.join(lane, Place { order: rank, seq, kind, turn });
    }

    pub(super) fn is_expired(&self, head: &Head) -> bool {
        head.expires.is_some_and(|pause| pause.ends_steady_ms(self.now) <= self.now.steady_ms)
    }

    fn on_expires(&mut self, seq: u64, reader: &dyn Reader) -> Result<(), ReadError> {
        let stored = match self.pending.read(seq, reader) {
            Ok(Some(stored)) if stored.state == JobState::Waiting as u8 => stored,
            Ok(_) | Err(ReadError::Unreadable(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if !self.is_expired(&stored.head) {
            // It was queued anew, with more time.
            return Ok(());
        }
        let kind = self.withdraw(seq, &stored.head);
        self.expire(seq, kind, stored.head, stored.tail, Body::default());
        Ok(())
    }

    /// Takes a waiting job out of wherever it waits; its kind is still to be left.
    pub(super) fn withdraw(&mut self, seq: u64, head: &Head) -> u32 {
        let kind = self.kind(head);
        self.waiting_less(kind);
        self.gone.insert((seq, head.turn));
        let lane = match &head.group {
            Some(group) => {
                let app = self.kinds[kind as usize].key.app;
                let lane = self.group_lane(app, group);
                if let Some(group) = &mut self.lanes[lane as usize].group {
                    group.members.remove(&seq);
                }
                lane
            }
            None => self.kinds[kind as usize].lane,
        };
        self.place(lane);
        kind
    }

    pub(super) fn keep_ms(&self, head: &Head, state: JobState) -> u64 {
        match state {
            JobState::Dead => self.settings.keep_dead_ms,
            _ => head.keep_ms,
        }
    }

    pub(super) fn keep(&mut self, seq: u64, state: JobState, until_steady_ms: u64) {
        let kept = match state {
            JobState::Dead => &mut self.kept_dead,
            _ => &mut self.kept,
        };
        kept.insert((until_steady_ms, seq));
    }

    fn remove_kept(&mut self) {
        for _ in 0..REMOVED_AT_ONCE_MAX {
            let too_many = self.kept.len() as u64 > self.settings.kept_max;
            let now = self.now.steady_ms;
            let past = |kept: &mut std::collections::BTreeSet<(u64, u64)>, too_many: bool| {
                kept.first().is_some_and(|(at, _)| too_many || *at <= now).then(|| kept.pop_first())
            };
            let removed = past(&mut self.kept, too_many)
                .or_else(|| past(&mut self.kept_dead, false))
                .flatten();
            match removed {
                Some((_, seq)) if self.forget_batch(seq) => {}
                Some((_, seq)) => self.pending.push(Change::Remove { seq }),
                None => return,
            }
        }
    }

    /// The sweep of what is known for a time only: idempotency keys and throttled jobs. `from` is where
    /// the last sweep ended.
    pub fn sweep(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let now = self.now.wall_ms;
        let mut past = Vec::new();
        for kind in [fact::IDEMPOTENCY, fact::THROTTLE] {
            reader.facts(kind, &mut |key, value| {
                if super::unique::known_until(value).is_none_or(|until| until <= now) {
                    past.push((kind, key.to_vec()));
                }
                match past.len() < REMOVED_AT_ONCE_MAX {
                    true => std::ops::ControlFlow::Continue(()),
                    false => std::ops::ControlFlow::Break(()),
                }
            })?;
        }
        for (kind, key) in past {
            self.pending.push(Change::RemoveFact { kind, key });
        }
        Ok(())
    }
}

/// The order of a group is that of its jobs' numbers.
fn as_order(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
