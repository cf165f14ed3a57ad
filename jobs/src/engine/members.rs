//! Applications, their queues, and kinds of jobs: what many jobs have in common is held once.

use super::Engine;
use super::gates::Ready;
use super::limits::LimiterKey;
use crate::record::Head;
use crate::rules::Rules;
use crate::settings::Limits;
use protocol::{AppName, KeyLimit};
use std::cell::OnceCell;

/// How many attempts of an application may run at a time.
pub type Slots = u32;

#[derive(Debug)]
pub(super) struct App {
    pub(super) name: AppName,
    /// Absent while no release of it runs.
    pub(super) rules: Option<Rules>,
    pub(super) slots: Slots,
    pub(super) running: Slots,
    /// Gates of queues before which somebody stands.
    pub(super) ready: Ready,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) app: u32,
    pub(super) name: Box<str>,
    pub(super) gate: u32,
    pub(super) paused: bool,
    /// It takes no new jobs.
    pub(super) draining: bool,
    pub(super) waiting: u64,
    pub(super) running: u64,
}

/// What decides, beside its rank, whether a job may run: equal for many.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KindKey {
    pub(super) app: u32,
    pub(super) queue: u32,
    /// In lower case.
    pub(super) function: Box<str>,
    pub(super) signature: u64,
    pub(super) limit: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Kind {
    pub(super) key: KindKey,
    /// The innermost one.
    pub(super) gate: u32,
    /// Where its jobs wait that belong to no group.
    pub(super) lane: u32,
    /// Its jobs that wait or run.
    pub(super) jobs: u64,
    /// Whether the current release can run them, once somebody asked.
    pub(super) fits: OnceCell<bool>,
}

impl Engine {
    pub(super) fn app(&mut self, name: &AppName) -> u32 {
        if let Some(id) = self.app_ids.get(name) {
            return *id;
        }
        let id = index(self.apps.len());
        let (rules, ready) = (None, Ready::new());
        self.apps.push(App { name: name.clone(), rules, slots: 0, running: 0, ready });
        self.app_ids.insert(name.clone(), id);
        id
    }

    /// What the current release of an application says; `None` while none runs.
    pub fn set_rules(&mut self, app: &AppName, rules: Option<Rules>) {
        let app = self.app(app);
        self.apps[app as usize].rules = rules;
        for (key, id) in self.limits.keys() {
            if let Some(limits) = self.limits_by_rule(app, &key) {
                self.set_limits(id, limits);
            }
        }
        for (_, kind) in self.kinds.iter_mut().filter(|(_, kind)| kind.key.app == app) {
            kind.fits = OnceCell::new();
        }
        self.place_all_of(app);
        self.set_schedules_by_rules(app);
    }

    /// While no release runs, schedules stand still, and ticks are missed.
    fn set_schedules_by_rules(&mut self, app: u32) {
        match &self.apps[app as usize].rules {
            Some(rules) => {
                let planned = rules.planned.clone();
                self.set_schedules(app, &planned);
            }
            None => self.stop_schedules(app),
        }
    }

    /// What a release says about a limit, if it is one of this application's queues or functions.
    fn limits_by_rule(&self, app: u32, key: &LimiterKey) -> Option<Limits> {
        let rules = self.apps[app as usize].rules.as_ref();
        match key {
            LimiterKey::Queue(queue) => {
                let queue = &self.queues[*queue as usize];
                let limits = || rules.map(|rules| rules.queue_limits(&queue.name));
                (queue.app == app).then(|| limits().unwrap_or_default())
            }
            LimiterKey::Function(of, name) => {
                let limits = || rules.map(|rules| rules.function_limits(name));
                (*of == app).then(|| limits().unwrap_or_default())
            }
            LimiterKey::Key(..) => None,
        }
    }

    /// How many attempts of an application may run at a time.
    pub fn set_slots(&mut self, app: &AppName, slots: Slots) {
        let app = self.app(app);
        self.apps[app as usize].slots = slots;
    }

    pub(super) fn find_queue(&self, app: u32, name: &str) -> Option<u32> {
        self.queue_ids.get(&(app, name.into())).copied()
    }

    pub(super) fn queue(&mut self, app: u32, name: &str) -> u32 {
        if let Some(id) = self.find_queue(app, name) {
            return id;
        }
        let id = index(self.queues.len());
        let name: Box<str> = name.into();
        let (gate, paused, draining, waiting, running) = (0, false, false, 0, 0);
        let queue = Queue { app, name: name.clone(), gate, paused, draining, waiting, running };
        self.queues.push(queue);
        self.queue_ids.insert((app, name), id);
        let limiter = self.limiter_by_rule(app, LimiterKey::Queue(id));
        self.queues[id as usize].gate = self.gate(app, None, limiter, Some(id));
        id
    }

    fn limiter_by_rule(&mut self, app: u32, key: LimiterKey) -> u32 {
        let limits = self.limits_by_rule(app, &key).unwrap_or_default();
        self.limits.get_or_make(key, limits)
    }

    /// The kind of a job that waits or runs.
    pub(super) fn kind_of(&self, head: &Head) -> Option<u32> {
        let app = *self.app_ids.get(&head.app)?;
        let queue = self.find_queue(app, &head.queue)?;
        self.kind_ids.get(&key_of(app, queue, head)).copied()
    }

    /// One job more of its kind, which is made if this is the first.
    pub(super) fn join_kind(&mut self, head: &Head) -> u32 {
        let app = self.app(&head.app);
        let queue = self.queue(app, &head.queue);
        let key = key_of(app, queue, head);
        let kind = match self.kind_ids.get(&key) {
            Some(kind) => *kind,
            None => self.make_kind(key, head.limit.as_ref()),
        };
        self.kinds[kind as usize].jobs += 1;
        kind
    }

    fn make_kind(&mut self, key: KindKey, limit: Option<&KeyLimit>) -> u32 {
        let app = key.app;
        let above = self.queues[key.queue as usize].gate;
        let function = LimiterKey::Function(app, key.function.clone());
        let function = self.limiter_by_rule(app, function);
        let mut gate = self.gate(app, Some(above), function, None);
        if let Some(limit) = limit {
            let limiter = LimiterKey::Key(app, limit.key.as_str().into());
            let limiter = self.limits.get_or_make(limiter, limits_of(limit));
            let below = self.gate(app, Some(gate), limiter, None);
            self.leave_gate(std::mem::replace(&mut gate, below));
        }
        let kind = index(self.kinds.vacant_key());
        let lane = self.lanes.of_kind(app, kind);
        self.kinds.insert(Kind { key: key.clone(), gate, lane, jobs: 0, fits: OnceCell::new() });
        self.kind_ids.insert(key, kind);
        kind
    }

    /// The newest job knows best what its key allows.
    pub(super) fn set_key_limit(&mut self, head: &Head) {
        let Some((limit, app)) = head.limit.as_ref().zip(self.app_ids.get(&head.app)) else {
            return;
        };
        if let Some(id) = self.limits.find(&LimiterKey::Key(*app, limit.key.as_str().into())) {
            self.set_limits(id, limits_of(limit));
        }
    }

    /// One job less of a kind; the last one takes it along.
    pub(super) fn leave_kind(&mut self, kind: u32) {
        let known = &mut self.kinds[kind as usize];
        known.jobs -= 1;
        if known.jobs > 0 {
            return;
        }
        let kind = self.kinds.remove(kind as usize);
        self.stand(kind.lane, None);
        self.lanes.remove_lane(kind.lane);
        self.leave_gate(kind.gate);
        self.kind_ids.remove(&kind.key);
    }
}

fn key_of(app: u32, queue: u32, head: &Head) -> KindKey {
    KindKey {
        app,
        queue,
        function: head.function.to_ascii_lowercase().into(),
        signature: head.signature,
        limit: head.limit.as_ref().map(|limit| limit.key.as_str().into()),
    }
}

fn limits_of(limit: &KeyLimit) -> Limits {
    Limits { concurrency: limit.concurrency, rate: limit.rate }
}

/// Places in our tables are numbered in 32 bits.
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 jobs fit into memory")
}
