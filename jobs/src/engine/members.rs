//! Applications and their queues.

use super::Engine;
use super::gates::Ready;
use super::limits::LimiterKey;
use crate::numbered::index;
use crate::rules::Rules;
use crate::settings::Limits;
use protocol::AppName;

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

impl Queue {
    /// Jobs that wait or run.
    pub(super) fn len(&self) -> u64 {
        self.waiting + self.running
    }
}

impl Engine {
    pub(super) fn app(&mut self, name: &AppName) -> u32 {
        if let Some(id) = self.app_ids.get(name) {
            return *id;
        }
        let id = index(self.apps.len());
        let (rules, ready) = (None, Ready::default());
        self.apps.push(App { name: name.clone(), rules, slots: 0, running: 0, ready });
        self.app_ids.insert(name.clone(), id);
        id
    }

    /// What the current release of an application says; `None` while none runs.
    pub fn set_rules(&mut self, app: &AppName, rules: Option<Rules>) {
        let app = self.app(app);
        self.apps[app as usize].rules = rules;
        for (key, id) in self.limits.by_rule() {
            if let Some(limits) = self.limits_by_rule(app, &key) {
                self.set_limits(id, limits);
            }
        }
        self.refresh_kinds_of(app);
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

    pub(super) fn limiter_by_rule(&mut self, app: u32, key: LimiterKey) -> u32 {
        let limits = self.limits_by_rule(app, &key).unwrap_or_default();
        self.limits.get_or_make(key, limits)
    }
}
