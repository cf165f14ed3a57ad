//! Limits that several kinds of jobs share, and who waits for them.

use super::members::index;
use super::{Engine, fact};
use crate::clock::Pause;
use crate::limiter::{Limiter, Verdict};
use crate::settings::Limits;
use crate::timers::Timer;
use ledger::{Change, Reader};
use protocol::{body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// What a limit is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum LimiterKey {
    Queue(u32),
    /// Of an application, in lower case.
    Function(u32, Box<str>),
    /// Of an application: chosen by its jobs.
    Key(u32, Box<str>),
    /// Of an application: one runs at a time.
    Unique(u32, Box<str>),
}

/// A limit and its name.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: LimiterKey,
    pub(super) limiter: Limiter,
    /// When it was arranged to look at it again.
    rings_at: Option<u64>,
}

/// How much of a window was used, as it is stored.
#[derive(Serialize, Deserialize)]
struct Used {
    count: u32,
    window: Pause,
}

impl Engine {
    pub(super) fn limiter(&mut self, key: LimiterKey, limits: Limits) -> u32 {
        let id = match self.limiter_ids.get(&key) {
            Some(id) => *id,
            None => {
                let mut limiter = Limiter::new(limits);
                if let Some((count, ends)) = self.rates_before.remove(&self.limiter_name(&key)) {
                    limiter.restore(count, ends);
                }
                let held = Held { key: key.clone(), limiter, rings_at: None };
                let id = index(self.limiters.insert(held));
                self.limiter_ids.insert(key, id);
                id
            }
        };
        let limiter = &mut self.limiters[id as usize].limiter;
        limiter.limits = limits;
        limiter.kinds += 1;
        id
    }

    /// One kind less is under it. A window that is not over keeps it alive.
    pub(super) fn leave_limiter(&mut self, id: u32) {
        let limiter = &mut self.limiters[id as usize].limiter;
        limiter.kinds -= 1;
        self.drop_limiter_if_idle(id);
    }

    fn drop_limiter_if_idle(&mut self, id: u32) {
        let now = self.now;
        let Some(held) = self.limiters.get_mut(id as usize) else {
            return;
        };
        if held.limiter.kinds > 0 {
            return;
        }
        if let Verdict::NotBefore(at) = held.limiter.verdict(now) {
            return self.ring_limiter(id, at);
        }
        if held.limiter.used() > 0 {
            let period = held.limiter.limits.rate.map_or(0, |rate| rate.period_ms);
            return self.ring_limiter(id, now.steady_ms + period);
        }
        let held = self.limiters.remove(id as usize);
        if held.limiter.limits.rate.is_some() {
            let key = self.limiter_name(&held.key);
            self.pending.push(Change::RemoveFact { kind: fact::RATE, key });
        }
        self.limiter_ids.remove(&held.key);
    }

    /// The first limit that does not admit a job of this kind now.
    pub(super) fn held_by(&mut self, kind: u32) -> Option<u32> {
        let now = self.now;
        for at in 0..self.kinds[kind as usize].limiters.len() {
            let id = self.kinds[kind as usize].limiters[at];
            match self.limiters[id as usize].limiter.verdict(now) {
                Verdict::Admitted => {}
                Verdict::Busy => return Some(id),
                Verdict::NotBefore(ms) => {
                    self.ring_limiter(id, ms);
                    return Some(id);
                }
            }
        }
        None
    }

    fn ring_limiter(&mut self, id: u32, at_ms: u64) {
        let held = &mut self.limiters[id as usize];
        if held.rings_at.is_none_or(|rings| rings > at_ms) {
            held.rings_at = Some(at_ms);
            self.timers.after(at_ms, Timer::Limiter(id));
        }
    }

    pub(super) fn on_limiter_rings(&mut self, id: u32) {
        let Some(held) = self.limiters.get_mut(id as usize) else {
            return;
        };
        held.rings_at = None;
        self.freed.push(id);
        self.drop_limiter_if_idle(id);
    }

    /// An attempt of this kind begins.
    pub(super) fn begin_under_limits(&mut self, kind: u32) {
        let now = self.now;
        for at in 0..self.kinds[kind as usize].limiters.len() {
            let id = self.kinds[kind as usize].limiters[at];
            let limiter = &mut self.limiters[id as usize].limiter;
            limiter.begin(now);
            let Some(rate) = limiter.limits.rate else {
                continue;
            };
            let used = Used { count: limiter.used(), window: Pause::of(rate.period_ms, now) };
            let key = self.limiter_name(&self.limiters[id as usize].key);
            let value = body_to_vec(&used);
            self.pending.push(Change::SetFact { kind: fact::RATE, key, value });
        }
    }

    pub(super) fn end_under_limits(&mut self, kind: u32) {
        for at in 0..self.kinds[kind as usize].limiters.len() {
            let id = self.kinds[kind as usize].limiters[at];
            self.limiters[id as usize].limiter.end();
            self.freed.push(id);
        }
    }

    /// Lanes that limits held back take their places again, as many as are admitted.
    pub(super) fn admit_held(&mut self) {
        while let Some(id) = self.freed.pop() {
            let mut placed = 0;
            while let Some(held) = self.limiters.get_mut(id as usize)
                && placed < held.limiter.room(self.now)
                && let Some((_, lane)) = held.limiter.held.pop_first()
            {
                self.place(lane);
                placed += u32::from(self.lanes[lane as usize].is_ready());
            }
            // Held ones that a window holds back are looked at when it is over.
            if let Some(held) = self.limiters.get_mut(id as usize)
                && !held.limiter.held.is_empty()
                && let Verdict::NotBefore(at) = held.limiter.verdict(self.now)
            {
                self.ring_limiter(id, at);
            }
        }
    }

    /// What was stored of windows before the restart; those that are over are forgotten.
    pub(super) fn read_rates(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let (now, mut rates, mut past) = (self.now, HashMap::new(), Vec::new());
        reader.facts(fact::RATE, &mut |key, value| {
            let used = body_from_slice::<Used>("rate", value).ok();
            let ends = used.as_ref().map(|used| used.window.ends_steady_ms(now));
            match (used, ends) {
                (Some(used), Some(ends)) if ends > now.steady_ms => {
                    rates.insert(key.to_vec(), (used.count, ends));
                }
                _ => past.push(key.to_vec()),
            }
            ControlFlow::Continue(())
        })?;
        self.rates_before = rates;
        for key in past {
            self.pending.push(Change::RemoveFact { kind: fact::RATE, key });
        }
        Ok(())
    }

    /// Names a limit across restarts.
    pub(super) fn limiter_name(&self, key: &LimiterKey) -> Vec<u8> {
        let (kind, app, name): (&str, u32, &str) = match key {
            LimiterKey::Queue(queue) => {
                let queue = &self.queues[*queue as usize];
                ("queue", queue.app, &queue.name)
            }
            LimiterKey::Function(app, name) => ("function", *app, name),
            LimiterKey::Key(app, name) => ("key", *app, name),
            LimiterKey::Unique(app, name) => ("unique", *app, name),
        };
        [kind, self.apps[app as usize].name.as_str(), name].join("\0").into_bytes()
    }
}
