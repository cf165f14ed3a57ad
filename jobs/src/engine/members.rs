//! Applications, their queues, and kinds of jobs: what many jobs have in common is held once.

use super::Engine;
use super::lanes::Lane;
use super::limits::LimiterKey;
use crate::record::Head;
use crate::rules::Rules;
use crate::settings::Limits;
use protocol::{AppName, UniqueMode};
use std::collections::BTreeSet;

/// How many attempts of an application may run at a time.
pub type Slots = u32;

#[derive(Debug)]
pub(super) struct App {
    pub(super) name: AppName,
    /// Absent while no release of it runs.
    pub(super) rules: Option<Rules>,
    pub(super) slots: Slots,
    pub(super) running: Slots,
    /// Lanes whose first job may run now, by that job's rank.
    pub(super) ready: BTreeSet<(i64, u32)>,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) app: u32,
    pub(super) name: Box<str>,
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
    pub(super) function: Box<str>,
    pub(super) signature: u64,
    pub(super) limit: Option<Box<str>>,
    /// Jobs of a unique key of which one may wait while another runs.
    pub(super) unique: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Kind {
    pub(super) key: KindKey,
    pub(super) limiters: Vec<u32>,
    /// Where its jobs wait that belong to no group.
    pub(super) lane: u32,
    /// Its jobs that wait or run.
    pub(super) jobs: u64,
    /// Whether the current release can run them, once somebody asked.
    pub(super) fits: Option<bool>,
}

impl Engine {
    pub(super) fn app(&mut self, name: &AppName) -> u32 {
        if let Some(id) = self.app_ids.get(name) {
            return *id;
        }
        let id = index(self.apps.len());
        let (rules, ready) = (None, BTreeSet::new());
        self.apps.push(App { name: name.clone(), rules, slots: 0, running: 0, ready });
        self.app_ids.insert(name.clone(), id);
        id
    }

    /// What the current release of an application says; `None` while none runs.
    pub fn set_rules(&mut self, app: &AppName, rules: Option<Rules>) {
        let app = self.app(app);
        self.apps[app as usize].rules = rules;
        let keys: Vec<(LimiterKey, u32)> =
            self.limiter_ids.iter().map(|(key, id)| (key.clone(), *id)).collect();
        for (key, id) in keys {
            if let Some(limits) = self.limits_by_rule(app, &key) {
                self.limiters[id as usize].limiter.limits = limits;
            }
        }
        for (_, kind) in self.kinds.iter_mut().filter(|(_, kind)| kind.key.app == app) {
            kind.fits = None;
        }
        self.place_all_of(app);
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
            LimiterKey::Key(..) | LimiterKey::Unique(..) => None,
        }
    }

    /// How many attempts of an application may run at a time.
    pub fn set_slots(&mut self, app: &AppName, slots: Slots) {
        let app = self.app(app);
        self.apps[app as usize].slots = slots;
    }

    pub(super) fn queue(&mut self, app: u32, name: &str) -> u32 {
        if let Some(id) = self.queue_ids.get(&(app, name.into())) {
            return *id;
        }
        let id = index(self.queues.len());
        let name: Box<str> = name.into();
        let queue = Queue {
            app,
            name: name.clone(),
            paused: false,
            draining: false,
            waiting: 0,
            running: 0,
        };
        self.queues.push(queue);
        self.queue_ids.insert((app, name), id);
        id
    }

    /// The kind of a job, made if it is the first.
    pub(super) fn kind(&mut self, head: &Head) -> u32 {
        let key = self.kind_key(head);
        if let Some(id) = self.kind_ids.get(&key) {
            if let Some(limit) = &head.limit {
                // The newest job knows best what its key allows.
                let limits = Limits { concurrency: limit.concurrency, rate: limit.rate };
                let limiter =
                    self.limiter_ids[&LimiterKey::Key(key.app, limit.key.as_str().into())];
                self.limiters[limiter as usize].limiter.limits = limits;
            }
            return *id;
        }
        let limiters = self.limiters_for(&key, head);
        let lane = index(self.lanes.insert(Lane::of_kind(key.app)));
        let id = index(self.kinds.insert(Kind {
            key: key.clone(),
            limiters,
            lane,
            jobs: 0,
            fits: None,
        }));
        self.kind_ids.insert(key, id);
        id
    }

    fn kind_key(&mut self, head: &Head) -> KindKey {
        let app = self.app(&head.app);
        let serial = |mode| {
            matches!(mode, UniqueMode::Replace | UniqueMode::Debounce | UniqueMode::OnceMore)
        };
        let unique = head.unique.as_ref().filter(|unique| serial(unique.mode));
        KindKey {
            app,
            queue: self.queue(app, &head.queue),
            function: head.function.to_ascii_lowercase().into(),
            signature: head.signature,
            limit: head.limit.as_ref().map(|limit| limit.key.as_str().into()),
            unique: unique.map(|unique| unique.key.as_str().into()),
        }
    }

    fn limiters_for(&mut self, key: &KindKey, head: &Head) -> Vec<u32> {
        let queue = LimiterKey::Queue(key.queue);
        let function = LimiterKey::Function(key.app, key.function.clone());
        let mut wanted = Vec::new();
        for rule in [queue, function] {
            let limits = self.limits_by_rule(key.app, &rule).unwrap_or_default();
            wanted.push((rule, limits));
        }
        if let Some(limit) = &head.limit {
            let limits = Limits { concurrency: limit.concurrency, rate: limit.rate };
            wanted.push((LimiterKey::Key(key.app, limit.key.as_str().into()), limits));
        }
        if let Some(unique) = &key.unique {
            let one = Limits { concurrency: Some(1), rate: None };
            wanted.push((LimiterKey::Unique(key.app, unique.clone()), one));
        }
        wanted.into_iter().map(|(key, limits)| self.limiter(key, limits)).collect()
    }

    /// One job less of a kind; the last one takes it along.
    pub(super) fn leave_kind(&mut self, kind: u32) {
        let known = &mut self.kinds[kind as usize];
        known.jobs -= 1;
        if known.jobs > 0 {
            return;
        }
        // Places of jobs that are gone may be left in its lane.
        let kind = self.kinds.remove(kind as usize);
        self.unplace(kind.lane);
        let lane = self.lanes.remove(kind.lane as usize);
        for place in lane.places() {
            self.gone.remove(&place);
        }
        for limiter in kind.limiters {
            self.leave_limiter(limiter);
        }
        self.kind_ids.remove(&kind.key);
    }
}

/// Places in our tables are numbered in 32 bits.
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 jobs fit into memory")
}
