//! Unique keys. Each lives and dies with its jobs, or for a window that is stored, so that none outlives
//! its reason.

use super::{Engine, fact};
use crate::clock::{Now, Pause};
use crate::fingerprint::{ByFingerprint, Fingerprint};
use crate::numbered::{Keyed, Numbered};
use crate::order::Order;
use crate::record::Head;
use ledger::{Change, Reader};
use protocol::{AppName, JobId, Unique, UniqueMode, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// What is said of a job whose place another one took.
pub(super) const REPLACED: &str = "another job of its unique key took its place";

/// At most one job waits with a key, at most one runs.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: ByFingerprint<JobId>,
    running: ByFingerprint<JobId>,
    /// Keys that let nobody else in for a time.
    throttled: Numbered<Throttled>,
    /// By the steady clock.
    throttle_ends: Order<(u64, u32)>,
    /// Jobs that are to be cancelled, because others took their places.
    pub(super) replaced: Vec<JobId>,
}

/// A key whose window is not over.
#[derive(Debug)]
struct Throttled {
    key: Fingerprint,
    /// The job that has it.
    id: JobId,
    until_ms: u64,
    /// Under which it is stored.
    name: Box<[u8]>,
}

impl Keyed for Throttled {
    type Key = Fingerprint;

    fn key(&self) -> &Fingerprint {
        &self.key
    }
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
        self.throttle_ends.first().map(|(until, _)| until)
    }

    fn throttle(&mut self, throttled: Throttled) {
        let until = throttled.until_ms;
        if let Some(number) = self.throttled.find(&throttled.key) {
            self.throttle_ends.remove((self.throttled.get(number).until_ms, number));
        }
        let number = self.throttled.insert(throttled);
        self.throttle_ends.insert((until, number));
    }

    fn throttled(&self, key: Fingerprint) -> Option<&Throttled> {
        self.throttled.find(&key).map(|number| self.throttled.get(number))
    }

    fn forget(taken: &mut ByFingerprint<JobId>, key: Fingerprint, id: JobId) -> bool {
        let is_it = taken.get(&key) == Some(&id);
        is_it && taken.remove(&key).is_some()
    }
}

impl Engine {
    pub(super) fn decide(&self, app: u32, unique: &Unique) -> Decision {
        let key = self.fingerprints.of(app, &unique.key);
        let waiting = self.keys.waiting.get(&key).copied();
        let any = waiting.or_else(|| self.keys.running.get(&key).copied());
        match unique.mode {
            UniqueMode::Reject => any.map_or(Decision::Make, Decision::Refuse),
            UniqueMode::Existing => any.map_or(Decision::Make, Decision::Existing),
            UniqueMode::Replace | UniqueMode::Debounce => {
                waiting.map_or(Decision::Make, Decision::Replace)
            }
            UniqueMode::Throttle => match self.keys.throttled(key) {
                Some(known) if known.until_ms > self.now.steady_ms => Decision::Existing(known.id),
                _ => Decision::Make,
            },
            UniqueMode::OnceMore => waiting.map_or(Decision::Make, Decision::Existing),
        }
    }

    /// The key of a job that has one to itself.
    fn own_key(&self, head: &Head) -> Option<Fingerprint> {
        let unique = head.unique.as_ref().filter(|unique| unique.mode != UniqueMode::Throttle)?;
        Some(self.fingerprints.of(*self.app_ids.get(&head.app)?, &unique.key))
    }

    /// A job waits: the key is its own until it is over.
    pub(super) fn takes_key(&mut self, id: JobId, head: &Head) {
        if let Some(key) = self.own_key(head) {
            self.keys.waiting.insert(key, id);
        }
    }

    pub(super) fn runs_with_key(&mut self, id: JobId, head: &Head) {
        if let Some(key) = self.own_key(head) {
            Keys::forget(&mut self.keys.waiting, key, id);
            self.keys.running.insert(key, id);
        }
    }

    /// A job that ran is to wait again. `false` when another one waits in its place.
    pub(super) fn waits_with_key(&mut self, id: JobId, head: &Head) -> bool {
        let Some(key) = self.own_key(head) else {
            return true;
        };
        if self.keys.waiting.contains_key(&key) {
            return false;
        }
        self.keys.running.remove(&key);
        self.keys.waiting.insert(key, id);
        true
    }

    /// A job is over: whoever waited for its key may go on.
    pub(super) fn leaves_key(&mut self, id: JobId, head: &Head) {
        let Some(key) = self.own_key(head) else {
            return;
        };
        Keys::forget(&mut self.keys.waiting, key, id);
        if Keys::forget(&mut self.keys.running, key, id)
            && let Some(next) = self.keys.waiting.get(&key)
        {
            self.no_more_behind_key(next.seq());
        }
    }

    /// Whether another job of its key runs.
    pub(super) fn is_key_running(&self, head: &Head) -> bool {
        self.own_key(head).is_some_and(|key| self.keys.running.contains_key(&key))
    }

    /// The job that waits with the key of this one.
    pub(super) fn waiting_with_key_of(&self, head: &Head) -> Option<JobId> {
        self.keys.waiting.get(&self.own_key(head)?).copied()
    }

    pub(super) fn is_key_taken(&self, head: &Head) -> bool {
        let taken =
            |key| self.keys.waiting.contains_key(&key) || self.keys.running.contains_key(&key);
        self.own_key(head).is_some_and(taken)
    }

    /// A job that is made shuts a window behind it.
    pub(super) fn throttles(&mut self, app: u32, id: JobId, head: &Head) {
        let Some(unique) = head.unique.as_ref().filter(|u| u.mode == UniqueMode::Throttle) else {
            return;
        };
        let until_ms = self.now.steady_ms.saturating_add(unique.window_ms);
        let known = Known { id, until: Pause::of(unique.window_ms, self.now) };
        let (key, name) = (self.fingerprints.of(app, &unique.key), name(&head.app, &unique.key));
        self.keys.throttle(Throttled { key, id, until_ms, name: name.clone().into() });
        let (kind, value) = (fact::THROTTLE, body_to_vec(&known));
        self.pending.push(Change::SetFact { kind, key: name, value });
    }

    pub(super) fn end_throttles(&mut self) {
        while self.keys.next_end_ms().is_some_and(|until| until <= self.now.steady_ms)
            && let Some((_, number)) = self.keys.throttle_ends.pop_first()
        {
            let key = self.keys.throttled.remove(number).name.into();
            self.pending.push(Change::RemoveFact { kind: fact::THROTTLE, key });
        }
    }

    pub(super) fn read_throttles(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        // One by one, for there may be very many.
        let mut unread = 0;
        reader.facts(fact::THROTTLE, &mut |name, value| {
            match throttled(name, value, self.now) {
                Some((_, _, _, until_ms)) if until_ms <= self.now.steady_ms => {
                    let (kind, key) = (fact::THROTTLE, name.to_vec());
                    self.pending.push(Change::RemoveFact { kind, key });
                }
                Some((app, key, id, until_ms)) => {
                    let app = self.app(&app);
                    let (key, name) = (self.fingerprints.of(app, key), name.into());
                    self.keys.throttle(Throttled { key, id, until_ms, name });
                }
                None => unread += 1,
            }
            ControlFlow::Continue(())
        })?;
        self.leave_unread(unread, "throttled keys");
        Ok(())
    }
}

/// Who has which key, and until when, from what is stored; nothing where it cannot be read.
fn throttled<'a>(name: &'a [u8], value: &[u8], now: Now) -> Option<(AppName, &'a str, JobId, u64)> {
    let Known { id, until } = body_from_slice("key", value).ok()?;
    let (app, key) = std::str::from_utf8(name).ok()?.split_once('\0')?;
    Some((AppName::new(app).ok()?, key, id, until.ends_steady_ms(now)))
}

pub(super) fn name(app: &AppName, key: &str) -> Vec<u8> {
    [app.as_str(), key].join("\0").into_bytes()
}
