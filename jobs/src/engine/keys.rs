//! Unique keys. Each lives and dies with its jobs, or for a window that is stored, so that none outlives
//! its reason.

use super::{Engine, fact};
use crate::clock::{Now, Pause};
use crate::record::Head;
use ledger::{Change, Reader};
use protocol::{AppName, JobId, Unique, UniqueMode, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What is said of a job whose place another one took.
pub(super) const REPLACED: &str = "another job of its unique key took its place";

/// An application and a key.
type AppKey = (u32, Arc<str>);

#[derive(Debug, Default)]
pub(super) struct Keys {
    taken: HashMap<AppKey, Taken>,
    /// Keys that let nobody else in for a time: until when on the steady clock, and the job that did.
    throttled: HashMap<AppKey, (u64, JobId)>,
    throttle_ends: BTreeSet<(u64, AppKey)>,
    /// Jobs that are to be cancelled, because others took their places.
    pub(super) replaced: Vec<JobId>,
}

/// Who has a key: at most one waits, at most one runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Taken {
    waiting: Option<JobId>,
    running: Option<JobId>,
}

/// What becomes of a job with a unique key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Make,
    /// The other one takes its place.
    Existing(JobId),
    Refuse(JobId),
    /// It takes the place of the other one.
    Replace(JobId),
}

/// A job that is known by a key for a time.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) id: JobId,
    pub(super) until: Pause,
}

impl Keys {
    pub(super) fn next_end_ms(&self) -> Option<u64> {
        self.throttle_ends.first().map(|(until, _)| *until)
    }

    fn throttle(&mut self, key: AppKey, until: u64, id: JobId) {
        if let Some((before, _)) = self.throttled.insert(key.clone(), (until, id)) {
            self.throttle_ends.remove(&(before, key.clone()));
        }
        self.throttle_ends.insert((until, key));
    }

    /// The key of a job that has one to itself.
    fn of(app: u32, head: &Head) -> Option<AppKey> {
        let unique = head.unique.as_ref().filter(|unique| unique.mode != UniqueMode::Throttle);
        unique.map(|unique| (app, unique.key.as_str().into()))
    }
}

impl Engine {
    pub(super) fn decide(&self, app: u32, unique: &Unique) -> Decision {
        let key = (app, unique.key.as_str().into());
        let taken = self.keys.taken.get(&key).copied().unwrap_or_default();
        let any = taken.waiting.or(taken.running);
        match unique.mode {
            UniqueMode::Reject => any.map_or(Decision::Make, Decision::Refuse),
            UniqueMode::Existing => any.map_or(Decision::Make, Decision::Existing),
            UniqueMode::Replace | UniqueMode::Debounce => {
                taken.waiting.map_or(Decision::Make, Decision::Replace)
            }
            UniqueMode::Throttle => match self.keys.throttled.get(&key) {
                Some((until, id)) if *until > self.now.steady_ms => Decision::Existing(*id),
                _ => Decision::Make,
            },
            UniqueMode::OnceMore => taken.waiting.map_or(Decision::Make, Decision::Existing),
        }
    }

    /// A job waits: the key is its own until it is over.
    pub(super) fn takes_key(&mut self, app: u32, id: JobId, head: &Head) {
        if let Some(key) = Keys::of(app, head) {
            self.keys.taken.entry(key).or_default().waiting = Some(id);
        }
    }

    pub(super) fn runs_with_key(&mut self, id: JobId, head: &Head) {
        if let Some(key) = Keys::of(self.app(&head.app), head) {
            let taken = self.keys.taken.entry(key).or_default();
            taken.waiting.take_if(|waiting| *waiting == id);
            taken.running = Some(id);
        }
    }

    /// A job that ran is to wait again. `false` when another one waits in its place.
    pub(super) fn waits_with_key(&mut self, id: JobId, head: &Head) -> bool {
        let Some(key) = Keys::of(self.app(&head.app), head) else {
            return true;
        };
        let taken = self.keys.taken.entry(key).or_default();
        if taken.waiting.is_some() {
            return false;
        }
        *taken = Taken { waiting: Some(id), running: None };
        true
    }

    /// A job is over: whoever waited for its key may go on.
    pub(super) fn leaves_key(&mut self, id: JobId, head: &Head) {
        let Some(key) = Keys::of(self.app(&head.app), head) else {
            return;
        };
        let Some(taken) = self.keys.taken.get_mut(&key) else {
            return;
        };
        taken.waiting.take_if(|waiting| *waiting == id);
        let ran = taken.running.take_if(|running| *running == id).is_some();
        let next = taken.waiting.filter(|_| ran);
        if *taken == Taken::default() {
            self.keys.taken.remove(&key);
        }
        if let Some(next) = next {
            self.no_more_behind_key(next.seq());
        }
    }

    /// Whether another job of its key runs.
    pub(super) fn is_key_running(&self, app: u32, head: &Head) -> bool {
        let taken = Keys::of(app, head).and_then(|key| self.keys.taken.get(&key));
        taken.is_some_and(|taken| taken.running.is_some())
    }

    /// The job that waits with the key of this one.
    pub(super) fn waiting_with_key_of(&self, app: u32, head: &Head) -> Option<JobId> {
        self.keys.taken.get(&Keys::of(app, head)?)?.waiting
    }

    pub(super) fn is_key_taken(&self, head: &Head) -> bool {
        let key = self.app_ids.get(&head.app).and_then(|app| Keys::of(*app, head));
        key.is_some_and(|key| self.keys.taken.contains_key(&key))
    }

    /// A job that is made shuts a window behind it.
    pub(super) fn throttles(&mut self, app: u32, id: JobId, head: &Head) {
        let Some(unique) = head.unique.as_ref().filter(|u| u.mode == UniqueMode::Throttle) else {
            return;
        };
        let until = self.now.steady_ms.saturating_add(unique.window_ms);
        self.keys.throttle((app, unique.key.as_str().into()), until, id);
        let known = Known { id, until: Pause::of(unique.window_ms, self.now) };
        let (key, value) = (name(&head.app, &unique.key), body_to_vec(&known));
        self.pending.push(Change::SetFact { kind: fact::THROTTLE, key, value });
    }

    pub(super) fn end_throttles(&mut self) {
        while let Some((until, _)) = self.keys.throttle_ends.first()
            && *until <= self.now.steady_ms
            && let Some((_, key)) = self.keys.throttle_ends.pop_first()
        {
            let name = name(&self.apps[key.0 as usize].name, &key.1);
            self.pending.push(Change::RemoveFact { kind: fact::THROTTLE, key: name });
            self.keys.throttled.remove(&key);
        }
    }

    pub(super) fn read_throttles(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let (now, mut known, mut past, mut unread) = (self.now, Vec::new(), Vec::new(), 0);
        reader.facts(fact::THROTTLE, &mut |key, value| {
            match throttled(key, value, now) {
                Some((_, _, until, _)) if until <= now.steady_ms => past.push(key.to_vec()),
                Some(throttled) => known.push(throttled),
                None => unread += 1,
            }
            ControlFlow::Continue(())
        })?;
        self.leave_unread(unread, "throttled keys");
        for (app, key, until, id) in known {
            let app = self.app(&app);
            self.keys.throttle((app, key), until, id);
        }
        for key in past {
            self.pending.push(Change::RemoveFact { kind: fact::THROTTLE, key });
        }
        Ok(())
    }
}

/// Who has which key, and until when, from what is stored; nothing where it cannot be read.
fn throttled(key: &[u8], value: &[u8], now: Now) -> Option<(AppName, Arc<str>, u64, JobId)> {
    let known = body_from_slice::<Known>("key", value).ok()?;
    let (app, key) = std::str::from_utf8(key).ok()?.split_once('\0')?;
    let until = known.until.ends_steady_ms(now);
    Some((AppName::new(app).ok()?, key.into(), until, known.id))
}

pub(super) fn name(app: &AppName, key: &str) -> Vec<u8> {
    [app.as_str(), key].join("\0").into_bytes()
}
