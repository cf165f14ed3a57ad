//! Limits, each shared by all jobs that are under it, and what is stored of their windows.

use super::gates::Below;
use super::{Engine, fact};
use crate::clock::Pause;
use crate::deadlines::Deadlines;
use crate::fingerprint::Fingerprint;
use crate::limiter::{Limiter, Verdict};
use crate::numbered::{Keyed, Numbered};
use crate::record::Head;
use crate::settings::Limits;
use ledger::{Change, Reader};
use protocol::{AppName, KeyLimit, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// What a limit is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum LimiterKey {
    Queue(u32),
    /// Of an application, in lower case.
    Function(u32, Box<str>),
    /// Of an application: chosen by its jobs.
    Key(u32, Fingerprint),
}

/// A limit that is in use. There may be as many as jobs, so it is small.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: LimiterKey,
    pub(super) limiter: Limiter,
    /// Its gates, and kinds with its key.
    pub(super) users: u32,
}

impl Keyed for Held {
    type Key = LimiterKey;

    fn key(&self) -> &LimiterKey {
        &self.key
    }
}

#[derive(Debug, Default)]
pub(super) struct Limiters {
    all: Numbered<Held>,
    /// Gates that are shut, by their limits.
    shut: BTreeSet<(u32, Below)>,
    /// When to look at one again, by the steady clock.
    rings: Deadlines<()>,
    /// By which names the ledger knows their windows.
    stored: HashMap<u32, Box<[u8]>>,
}

pub(super) fn limits_of(limit: &KeyLimit) -> Limits {
    Limits { concurrency: limit.concurrency, rate: limit.rate }
}

/// How much of a window was used, as it is stored.
#[derive(Serialize, Deserialize)]
struct Used {
    count: u32,
    window: Pause,
}

impl Limiters {
    pub(super) fn get(&mut self, id: u32) -> &mut Held {
        self.all.get_mut(id)
    }

    pub(super) fn peek(&self, id: u32) -> &Held {
        self.all.get(id)
    }

    pub(super) fn find(&self, key: &LimiterKey) -> Option<u32> {
        self.all.find(key)
    }

    /// Those of queues and functions, which releases say.
    pub(super) fn by_rule(&self) -> Vec<(LimiterKey, u32)> {
        let all = self.all.iter().filter(|(_, held)| !matches!(held.key, LimiterKey::Key(..)));
        all.map(|(id, held)| (held.key.clone(), id)).collect()
    }

    /// The one of this name, made if it is not there.
    pub(super) fn get_or_make(&mut self, key: LimiterKey, limits: Limits) -> u32 {
        let found = self.find(&key);
        found.unwrap_or_else(|| {
            let limiter = Limiter::new(limits);
            self.all.insert(Held { key, limiter, users: 0 })
        })
    }

    pub(super) fn note_shut(&mut self, id: u32, gate: Below) {
        self.shut.insert((id, gate));
    }

    pub(super) fn note_open(&mut self, id: u32, gate: Below) {
        self.shut.remove(&(id, gate));
    }

    fn shut_of(&self, id: u32) -> Option<Below> {
        let all = (id, Below::Gate(0))..=(id, Below::Kind(u32::MAX));
        self.shut.range(all).next().map(|(_, gate)| *gate)
    }

    pub(super) fn ring(&mut self, id: u32, at_ms: u64) {
        if self.rings.at(id.into()).is_none_or(|rings| rings > at_ms) {
            self.rings.set(id.into(), at_ms, ());
        }
    }

    pub(super) fn next_ring_ms(&self) -> Option<u64> {
        self.rings.next_ms()
    }
}

impl Engine {
    pub(super) fn verdict(&mut self, limiter: u32) -> Verdict {
        let now = self.now;
        self.limits.get(limiter).limiter.verdict(now)
    }

    /// Whoever it held back may try again.
    pub(super) fn set_limits(&mut self, id: u32, limits: Limits) {
        let limiter = &mut self.limits.get(id).limiter;
        if limiter.limits() != limits {
            limiter.set_limits(limits);
            self.open_gates_of(id);
        }
    }

    fn open_gates_of(&mut self, limiter: u32) {
        while let Some(gate) = self.limits.shut_of(limiter) {
            self.open(gate);
        }
    }

    pub(super) fn leave_limiter(&mut self, id: u32) {
        self.limits.get(id).users -= 1;
        self.drop_limiter_if_idle(id);
    }

    /// A window that is not over keeps it alive.
    fn drop_limiter_if_idle(&mut self, id: u32) {
        let now = self.now;
        let held = self.limits.get(id);
        if held.users > 0 {
            return;
        }
        if let Some(until) = held.limiter.remembers_until(now) {
            return self.limits.ring(id, until);
        }
        self.limits.all.remove(id);
        if let Some(name) = self.limits.stored.remove(&id) {
            self.pending.push(Change::RemoveFact { kind: fact::RATE, key: name.into() });
        }
        self.limits.rings.remove(id.into());
    }

    pub(super) fn ring_limiters(&mut self) {
        while let Some((id, ())) = self.limits.rings.pop_due(self.now.steady_ms) {
            let id = u32::try_from(id).unwrap_or(u32::MAX);
            self.open_gates_of(id);
            self.drop_limiter_if_idle(id);
        }
    }

    /// From the innermost to that of the queue.
    pub(super) fn limiters_of(&self, kind: u32) -> [Option<u32>; 3] {
        let mut gates = self.gates_of(self.kinds.class_of(kind).gate);
        let mut next = || gates.next().map(|gate| self.gates.get(gate).limiter);
        [self.kinds.limiter_of(kind), next(), next()]
    }

    /// An attempt at a job of this kind begins.
    pub(super) fn begin_under_limits(&mut self, kind: u32, head: &Head) {
        let now = self.now;
        for id in self.limiters_of(kind).into_iter().flatten() {
            let limiter = &mut self.limits.get(id).limiter;
            limiter.begin(now);
            self.store_window(id, head);
        }
    }

    /// An attempt that was to begin at that time never did: it has used nothing of a window.
    pub(super) fn give_back_under_limits(&mut self, kind: u32, head: &Head, began_steady_ms: u64) {
        for id in self.limiters_of(kind).into_iter().flatten() {
            if self.limits.get(id).limiter.give_back(began_steady_ms) {
                self.store_window(id, head);
            }
        }
    }

    fn store_window(&mut self, id: u32, head: &Head) {
        let (now, kind) = (self.now, fact::RATE);
        let limiter = &mut self.limits.get(id).limiter;
        let Some(until) = limiter.remembers_until(now) else {
            let key = self.limits.stored.remove(&id).map(Into::into);
            if let Some(key) = key {
                self.pending.push(Change::RemoveFact { kind, key });
            }
            return;
        };
        let window = Pause::of(until - now.steady_ms, now);
        let value = body_to_vec(&Used { count: limiter.used(), window });
        let key = match self.limits.stored.get(&id) {
            Some(name) => name.to_vec(),
            None => self.window_name(id, head),
        };
        self.limits.stored.entry(id).or_insert_with(|| key.clone().into());
        self.pending.push(Change::SetFact { kind, key, value });
    }

    /// An attempt that began before the engine was made still runs.
    pub(super) fn go_on_under_limits(&mut self, kind: u32) {
        for id in self.limiters_of(kind).into_iter().flatten() {
            self.limits.get(id).limiter.go_on();
        }
    }

    pub(super) fn end_under_limits(&mut self, kind: u32) {
        for id in self.limiters_of(kind).into_iter().flatten() {
            self.limits.get(id).limiter.end();
            self.open_gates_of(id);
        }
    }

    /// What was stored of windows before the restart; those that are over are forgotten.
    pub(super) fn read_windows(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let (now, mut windows) = (self.now, Vec::new());
        reader.facts(fact::RATE, &mut |key, value| {
            windows.push((key.to_vec(), body_from_slice::<Used>("rate", value).ok()));
            ControlFlow::Continue(())
        })?;
        let mut unread = 0;
        for (key, used) in windows {
            let Some((used, limiter)) = used.zip(self.limiter_named(&key)) else {
                unread += 1;
                continue;
            };
            let ends = used.window.ends_steady_ms(now);
            if ends <= now.steady_ms {
                self.pending.push(Change::RemoveFact { kind: fact::RATE, key });
                continue;
            }
            let id = self.limits.get_or_make(limiter, Limits::default());
            self.limits.get(id).limiter.restore(used.count, ends);
            self.limits.stored.insert(id, key.into());
            self.limits.ring(id, ends);
        }
        self.leave_unread(unread, "windows of rates");
        Ok(())
    }

    /// Names one of the limits of a job across restarts.
    fn window_name(&self, id: u32, head: &Head) -> Vec<u8> {
        let (kind, name) = match &self.limits.peek(id).key {
            LimiterKey::Queue(_) => ("queue", head.queue.as_str()),
            LimiterKey::Function(_, name) => ("function", &**name),
            LimiterKey::Key(..) => ("key", head.limit.as_ref().map_or("", |limit| &limit.key)),
        };
        [kind, head.app.as_str(), name].join("\0").into_bytes()
    }

    /// The other way round.
    fn limiter_named(&mut self, name: &[u8]) -> Option<LimiterKey> {
        let mut parts = std::str::from_utf8(name).ok()?.splitn(3, '\0');
        let (kind, app, name) = (parts.next()?, parts.next()?, parts.next()?);
        let app = self.app(&AppName::new(app).ok()?);
        match kind {
            "queue" => Some(LimiterKey::Queue(self.queue(app, name))),
            "function" => Some(LimiterKey::Function(app, name.into())),
            "key" => Some(LimiterKey::Key(app, self.fingerprints.of(app, name))),
            _ => None,
        }
    }
}
