//! Limits, each shared by all jobs that are under it, and what is stored of their windows.

use super::members::index;
use super::{Engine, fact};
use crate::clock::Pause;
use crate::deadlines::Deadlines;
use crate::limiter::{Limiter, Verdict};
use crate::settings::Limits;
use ledger::{Change, Reader};
use protocol::{AppName, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};
use slab::Slab;
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
}

/// A limit, its name and its gates.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: LimiterKey,
    pub(super) limiter: Limiter,
    /// Its gates.
    pub(super) users: u32,
    /// Those that are shut.
    pub(super) shut: Vec<u32>,
    /// Whether the ledger knows of its window.
    stored: bool,
}

#[derive(Debug, Default)]
pub(super) struct Limiters {
    all: Slab<Held>,
    ids: HashMap<LimiterKey, u32>,
    /// When to look at one again, by the steady clock.
    rings: Deadlines<()>,
}

/// How much of a window was used, as it is stored.
#[derive(Serialize, Deserialize)]
struct Used {
    count: u32,
    window: Pause,
}

impl Limiters {
    pub(super) fn get(&mut self, id: u32) -> &mut Held {
        &mut self.all[id as usize]
    }

    pub(super) fn peek(&self, id: u32) -> &Held {
        &self.all[id as usize]
    }

    pub(super) fn find(&self, key: &LimiterKey) -> Option<u32> {
        self.ids.get(key).copied()
    }

    pub(super) fn keys(&self) -> Vec<(LimiterKey, u32)> {
        self.ids.iter().map(|(key, id)| (key.clone(), *id)).collect()
    }

    /// The one of this name, made if it is not there.
    pub(super) fn get_or_make(&mut self, key: LimiterKey, limits: Limits) -> u32 {
        if let Some(id) = self.find(&key) {
            return id;
        }
        let limiter = Limiter::new(limits);
        let held = Held { key: key.clone(), limiter, users: 0, shut: Vec::new(), stored: false };
        let id = index(self.all.insert(held));
        self.ids.insert(key, id);
        id
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
        if limiter.limits != limits {
            limiter.limits = limits;
            self.open_gates_of(id);
        }
    }

    fn open_gates_of(&mut self, limiter: u32) {
        for gate in std::mem::take(&mut self.limits.get(limiter).shut) {
            self.open_gate(gate);
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
        let held = self.limits.all.remove(id as usize);
        if held.stored {
            let key = self.limiter_name(&held.key);
            self.pending.push(Change::RemoveFact { kind: fact::RATE, key });
        }
        self.limits.rings.remove(id.into());
        self.limits.ids.remove(&held.key);
    }

    pub(super) fn ring_limiters(&mut self) {
        while let Some((id, ())) = self.limits.rings.pop_due(self.now.steady_ms) {
            let id = index(usize::try_from(id).unwrap_or(usize::MAX));
            self.open_gates_of(id);
            self.drop_limiter_if_idle(id);
        }
    }

    fn limiters_of(&self, kind: u32) -> Vec<u32> {
        let gates = self.gates_of(self.kinds[kind as usize].gate);
        gates.map(|gate| self.gates.get(gate).limiter).collect()
    }

    /// An attempt of this kind begins.
    pub(super) fn begin_under_limits(&mut self, kind: u32) {
        let now = self.now;
        for id in self.limiters_of(kind) {
            let limiter = &mut self.limits.get(id).limiter;
            limiter.begin(now);
            self.store_window(id);
        }
    }

    /// An attempt that was to begin at that time never did: it has used nothing of a window.
    pub(super) fn give_back_under_limits(&mut self, kind: u32, began_steady_ms: u64) {
        for id in self.limiters_of(kind) {
            if self.limits.get(id).limiter.give_back(began_steady_ms) {
                self.store_window(id);
            }
        }
    }

    fn store_window(&mut self, id: u32) {
        let now = self.now;
        let held = self.limits.get(id);
        let used = held.limiter.remembers_until(now).map(|until| {
            let window = Pause::of(until - now.steady_ms, now);
            body_to_vec(&Used { count: held.limiter.used(), window })
        });
        let was_stored = std::mem::replace(&mut held.stored, used.is_some());
        let key = held.key.clone();
        let (kind, key) = (fact::RATE, self.limiter_name(&key));
        match used {
            Some(value) => self.pending.push(Change::SetFact { kind, key, value }),
            None if was_stored => self.pending.push(Change::RemoveFact { kind, key }),
            None => {}
        }
    }

    /// An attempt that began before the engine was made still runs.
    pub(super) fn go_on_under_limits(&mut self, kind: u32) {
        for id in self.limiters_of(kind) {
            self.limits.get(id).limiter.go_on();
        }
    }

    pub(super) fn end_under_limits(&mut self, kind: u32) {
        for id in self.limiters_of(kind) {
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
            let held = self.limits.get(id);
            held.limiter.restore(used.count, ends);
            held.stored = true;
            self.limits.ring(id, ends);
        }
        self.leave_unread(unread, "windows of rates");
        Ok(())
    }

    /// Names a limit across restarts.
    fn limiter_name(&self, key: &LimiterKey) -> Vec<u8> {
        let (kind, app, name): (&str, u32, &str) = match key {
            LimiterKey::Queue(queue) => {
                let queue = &self.queues[*queue as usize];
                ("queue", queue.app, &queue.name)
            }
            LimiterKey::Function(app, name) => ("function", *app, name),
            LimiterKey::Key(app, name) => ("key", *app, name),
        };
        [kind, self.apps[app as usize].name.as_str(), name].join("\0").into_bytes()
    }

    /// The other way round.
    fn limiter_named(&mut self, name: &[u8]) -> Option<LimiterKey> {
        let mut parts = std::str::from_utf8(name).ok()?.splitn(3, '\0');
        let (kind, app, name) = (parts.next()?, parts.next()?, parts.next()?);
        let app = self.app(&AppName::new(app).ok()?);
        match kind {
            "queue" => Some(LimiterKey::Queue(self.queue(app, name))),
            "function" => Some(LimiterKey::Function(app, name.into())),
            "key" => Some(LimiterKey::Key(app, name.into())),
            _ => None,
        }
    }
}
