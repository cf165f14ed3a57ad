//! Kinds of jobs: what decides, beside its rank, whether one may run, and which of a kind is the next.
//! Those that wait for nothing but their turn have a place in their kind, which stands before the gate
//! of their function, and is one itself where they have the key of a limit.

use super::Engine;
use super::gates::Below;
use super::limits::{LimiterKey, limits_of};
use crate::numbered::{Keyed, Numbered};
use crate::places::Places;
use crate::record::Head;
use protocol::KeyLimit;
use std::cell::OnceCell;

/// A rank, lowest first, and a job's number.
pub(super) type Place = (i64, u64);

/// What many kinds have in common, which may differ by nothing but the keys of limits.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) key: ClassKey,
    /// The one of the function in the queue.
    pub(super) gate: u32,
    /// Its kinds.
    kinds: u32,
    /// Whether the current release can run it, once somebody asked.
    fits: OnceCell<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub(super) app: u32,
    pub(super) queue: u32,
    /// In lower case.
    pub(super) function: Box<str>,
    pub(super) signature: u64,
}

/// There may be as many as jobs, so it is small.
#[derive(Debug)]
pub(super) struct Kind {
    key: KindKey,
    /// Its jobs that wait or run.
    jobs: u32,
    shows: Shows,
    places: Places<Place>,
}

/// What a kind shows the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Nothing,
    /// Nothing, until its limit may admit one again.
    Shut,
    Rank(i64),
}

impl Shows {
    fn rank(self) -> Option<i64> {
        match self {
            Self::Nothing | Self::Shut => None,
            Self::Rank(rank) => Some(rank),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KindKey {
    pub(super) class: u32,
    /// That of a key.
    pub(super) limiter: Option<u32>,
}

impl Keyed for Class {
    type Key = ClassKey;

    fn key(&self) -> &ClassKey {
        &self.key
    }
}

impl Keyed for Kind {
    type Key = KindKey;

    fn key(&self) -> &KindKey {
        &self.key
    }
}

#[derive(Debug, Default)]
pub(super) struct Kinds {
    classes: Numbered<Class>,
    all: Numbered<Kind>,
}

impl Kinds {
    pub(super) fn class_of(&self, kind: u32) -> &Class {
        self.classes.get(self.all.get(kind).key.class)
    }

    /// Its limit, if it has the key of one.
    pub(super) fn limiter_of(&self, kind: u32) -> Option<u32> {
        self.all.get(kind).key.limiter
    }

    pub(super) fn first(&self, kind: u32) -> Option<Place> {
        self.all.get(kind).places.first()
    }

    /// How many wait for nothing but their turn.
    pub(super) fn len(&self, kind: u32) -> usize {
        self.all.get(kind).places.len()
    }

    fn of_app(&self, app: u32) -> Vec<u32> {
        let of_app = |kind: &u32| self.class_of(*kind).key.app == app;
        self.all.iter().map(|(kind, _)| kind).filter(of_app).collect()
    }
}

impl Engine {
    /// The kind of a job that waits or runs.
    pub(super) fn kind_of(&self, head: &Head) -> Option<u32> {
        let app = *self.app_ids.get(&head.app)?;
        let queue = self.find_queue(app, &head.queue)?;
        let class = self.kinds.classes.find(&class_key(app, queue, head))?;
        let limiter = match &head.limit {
            Some(limit) => Some(self.limits.find(&self.key_of_limit(app, limit))?),
            None => None,
        };
        self.kinds.all.find(&KindKey { class, limiter })
    }

    /// One job more of its kind, which is made if this is the first.
    pub(super) fn join_kind(&mut self, head: &Head) -> u32 {
        let app = self.app(&head.app);
        let queue = self.queue(app, &head.queue);
        let key = class_key(app, queue, head);
        let class = self.kinds.classes.find(&key).unwrap_or_else(|| self.make_class(key));
        let limiter = head.limit.as_ref().map(|limit| {
            let key = self.key_of_limit(app, limit);
            self.limits.get_or_make(key, limits_of(limit))
        });
        let key = KindKey { class, limiter };
        let kind = self.kinds.all.find(&key).unwrap_or_else(|| self.make_kind(key));
        self.kinds.all.get_mut(kind).jobs += 1;
        kind
    }

    fn make_class(&mut self, key: ClassKey) -> u32 {
        let above = self.queues[key.queue as usize].gate;
        let function = LimiterKey::Function(key.app, key.function.clone());
        let function = self.limiter_by_rule(key.app, function);
        let gate = self.gate(key.app, Some(above), function, None);
        self.kinds.classes.insert(Class { key, gate, kinds: 0, fits: OnceCell::new() })
    }

    fn make_kind(&mut self, key: KindKey) -> u32 {
        self.kinds.classes.get_mut(key.class).kinds += 1;
        if let Some(limiter) = key.limiter {
            self.limits.get(limiter).users += 1;
        }
        let places = Places::default();
        self.kinds.all.insert(Kind { key, jobs: 0, shows: Shows::Nothing, places })
    }

    /// One job less of a kind; the last one takes it along.
    pub(super) fn leave_kind(&mut self, kind: u32) {
        let known = self.kinds.all.get_mut(kind);
        known.jobs -= 1;
        if known.jobs > 0 {
            return;
        }
        debug_assert!(known.places.len() == 0 && known.shows.rank().is_none(), "it shows a job");
        let KindKey { class, limiter } = self.kinds.all.remove(kind).key;
        if let Some(limiter) = limiter {
            self.limits.note_open(limiter, Below::Kind(kind));
            self.leave_limiter(limiter);
        }
        let known = self.kinds.classes.get_mut(class);
        known.kinds -= 1;
        if known.kinds == 0 {
            let gate = self.kinds.classes.remove(class).gate;
            self.leave_gate(gate);
        }
    }

    /// A job waits for nothing but its turn.
    pub(super) fn stand(&mut self, kind: u32, place: Place) {
        self.kinds.all.get_mut(kind).places.insert(place);
        self.refresh_kind(kind);
    }

    /// It does so no more.
    pub(super) fn step_back(&mut self, kind: u32, place: Place) {
        self.kinds.all.get_mut(kind).places.remove(place);
        self.refresh_kind(kind);
    }

    pub(super) fn shut_kind(&mut self, kind: u32) {
        self.set_shows(kind, Shows::Shut);
    }

    pub(super) fn open_kind(&mut self, kind: u32) {
        if self.kinds.all.get(kind).shows == Shows::Shut {
            self.set_shows(kind, self.would_show(kind));
        }
    }

    /// To be called after whatever can have changed which job is the first, and whether it may run.
    fn refresh_kind(&mut self, kind: u32) {
        if self.kinds.all.get(kind).shows != Shows::Shut {
            self.set_shows(kind, self.would_show(kind));
        }
    }

    fn would_show(&self, kind: u32) -> Shows {
        let first = self.kinds.first(kind).filter(|_| self.does_fit(kind));
        first.map_or(Shows::Nothing, |(rank, _)| Shows::Rank(rank))
    }

    fn set_shows(&mut self, kind: u32, shows: Shows) {
        let before = std::mem::replace(&mut self.kinds.all.get_mut(kind).shows, shows);
        let class = self.kinds.class_of(kind);
        let (app, gate) = (class.key.app, class.gate);
        self.show(app, Some(gate), Below::Kind(kind), before.rank(), shows.rank());
    }

    /// Whether the current release can run jobs of a kind; else why not.
    pub(super) fn fits(&self, kind: u32) -> Result<(), String> {
        let key = &self.kinds.class_of(kind).key;
        let app = &self.apps[key.app as usize];
        let Some(rules) = &app.rules else {
            return Err(format!("no release of {} runs on this worker", app.name));
        };
        let stored = self.signatures.get(&key.signature).map(Vec::as_slice);
        rules.fits(&key.function, key.signature, stored)
    }

    pub(super) fn does_fit(&self, kind: u32) -> bool {
        // It is looked up many times between two releases.
        *self.kinds.class_of(kind).fits.get_or_init(|| self.fits(kind).is_ok())
    }

    /// After another release began.
    pub(super) fn refresh_kinds_of(&mut self, app: u32) {
        for (_, class) in self.kinds.classes.iter_mut().filter(|(_, class)| class.key.app == app) {
            class.fits = OnceCell::new();
        }
        for kind in self.kinds.of_app(app) {
            self.refresh_kind(kind);
        }
    }

    fn key_of_limit(&self, app: u32, limit: &KeyLimit) -> LimiterKey {
        LimiterKey::Key(app, self.fingerprints.of(app, &limit.key))
    }

    /// The newest job knows best what its key allows.
    pub(super) fn set_key_limit(&mut self, head: &Head) {
        let Some((limit, app)) = head.limit.as_ref().zip(self.app_ids.get(&head.app)) else {
            return;
        };
        if let Some(id) = self.limits.find(&self.key_of_limit(*app, limit)) {
            self.set_limits(id, limits_of(limit));
        }
    }
}

fn class_key(app: u32, queue: u32, head: &Head) -> ClassKey {
    let function = head.function.to_ascii_lowercase().into();
    ClassKey { app, queue, function, signature: head.signature }
}
