//! Unique and idempotency keys. They live and die with their jobs, or for a time that is stored, so that
//! none outlives its reason.

use super::{Engine, fact};
use crate::clock::{Now, Pause};
use crate::record::Head;
use ledger::{Change, Reader};
use protocol::{AppName, JobId, Unique, UniqueMode, body_from_slice, body_to_vec};
use serde::{Deserialize, Serialize};

/// Who has a unique key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// It has not begun yet.
    pub(super) waiting: Option<JobId>,
    /// It has begun, and is not over.
    pub(super) active: Option<JobId>,
    /// Until then by the steady clock nobody else gets in.
    pub(super) throttled: Option<(u64, JobId)>,
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
struct Known {
    id: JobId,
    until: Pause,
}

/// When a stored key is forgotten, by the wall clock.
pub(super) fn known_until(value: &[u8]) -> Option<u64> {
    body_from_slice::<Known>("key", value).ok().map(|known| known.until.ends_ms)
}

impl Engine {
    pub(super) fn decide(&self, app: u32, unique: &Unique) -> Decision {
        let Some(taken) = self.uniques.get(&(app, unique.key.as_str().into())) else {
            return Decision::Make;
        };
        let any = taken.waiting.or(taken.active);
        let throttled = taken.throttled.filter(|(until, _)| *until > self.now.steady_ms);
        match unique.mode {
            UniqueMode::Reject => any.map_or(Decision::Make, Decision::Refuse),
            UniqueMode::Existing => any.map_or(Decision::Make, Decision::Existing),
            UniqueMode::Replace | UniqueMode::Debounce => {
                taken.waiting.map_or(Decision::Make, Decision::Replace)
            }
            UniqueMode::Throttle => {
                throttled.map_or(Decision::Make, |(_, id)| Decision::Existing(id))
            }
            UniqueMode::OnceMore => taken.waiting.map_or(Decision::Make, Decision::Existing),
        }
    }

    /// A job that waits has its key, if it names one.
    pub(super) fn joins_unique(&mut self, app: u32, id: JobId, head: &Head) {
        let Some(unique) = &head.unique else {
            return;
        };
        let taken = self.uniques.entry((app, unique.key.as_str().into())).or_default();
        match head.attempt {
            0 => taken.waiting = Some(id),
            _ => taken.active = Some(id),
        }
    }

    /// A job that is made shuts a window behind it.
    pub(super) fn throttles(&mut self, app: u32, id: JobId, head: &Head) {
        let Some(unique) = head.unique.as_ref().filter(|u| u.mode == UniqueMode::Throttle) else {
            return;
        };
        let taken = self.uniques.entry((app, unique.key.as_str().into())).or_default();
        taken.throttled = Some((self.now.steady_ms.saturating_add(unique.window_ms), id));
        let known = Known { id, until: Pause::of(unique.window_ms, self.now) };
        let (key, value) = (name(&head.app, &unique.key), body_to_vec(&known));
        self.pending.push(Change::SetFact { kind: fact::THROTTLE, key, value });
    }

    pub(super) fn begins_unique(&mut self, seq: u64, head: &Head) {
        let Some(unique) = &head.unique else {
            return;
        };
        let app = self.app_ids[&head.app];
        if let Some(taken) = self.uniques.get_mut(&(app, unique.key.as_str().into()))
            && let Some(id) = taken.waiting.take_if(|id| id.seq() == seq)
        {
            taken.active = Some(id);
        }
    }

    pub(super) fn ends_unique(&mut self, seq: u64, head: &Head) {
        let Some(unique) = &head.unique else {
            return;
        };
        let key = (self.app_ids[&head.app], unique.key.as_str().into());
        let now = self.now.steady_ms;
        if let Some(taken) = self.uniques.get_mut(&key) {
            taken.waiting.take_if(|id| id.seq() == seq);
            taken.active.take_if(|id| id.seq() == seq);
            taken.throttled.take_if(|(until, _)| *until <= now);
            if *taken == Taken::default() {
                self.uniques.remove(&key);
            }
        }
    }

    pub(super) fn read_throttled(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let (now, mut known) = (self.now, Vec::new());
        reader.facts(fact::THROTTLE, &mut |key, value| {
            known.extend(throttled(key, value, now));
            std::ops::ControlFlow::Continue(())
        })?;
        for (app, key, until, id) in known {
            let app = self.app(&app);
            self.uniques.entry((app, key)).or_default().throttled = Some((until, id));
        }
        Ok(())
    }

    /// The job that an idempotency key made before.
    pub(super) fn known_by(
        &self,
        app: &AppName,
        key: &str,
        reader: &dyn Reader,
    ) -> Result<Option<JobId>, ledger::Error> {
        let name = name(app, key);
        if let Some(id) = self.keys_pending.get(&name) {
            return Ok(Some(*id));
        }
        let value = reader.fact(fact::IDEMPOTENCY, &name)?;
        let known = value.and_then(|value| body_from_slice::<Known>("key", &value).ok());
        let valid = |known: &Known| known.until.ends_steady_ms(self.now) > self.now.steady_ms;
        Ok(known.filter(valid).map(|known| known.id))
    }

    pub(super) fn make_known(&mut self, id: JobId, head: &Head) {
        let Some(key) = &head.idempotency_key else {
            return;
        };
        let key = name(&head.app, key);
        let known = Known { id, until: Pause::of(self.settings.idempotency_ms, self.now) };
        self.keys_pending.insert(key.clone(), id);
        let value = body_to_vec(&known);
        self.pending.push(Change::SetFact { kind: fact::IDEMPOTENCY, key, value });
    }
}

/// Who has which key, and until when, from what is stored.
fn throttled(key: &[u8], value: &[u8], now: Now) -> Option<(AppName, Box<str>, u64, JobId)> {
    let known = body_from_slice::<Known>("key", value).ok()?;
    let (app, key) = std::str::from_utf8(key).ok()?.split_once('\0')?;
    let until = known.until.ends_steady_ms(now);
    (until > now.steady_ms).then_some((AppName::new(app).ok()?, key.into(), until, known.id))
}

pub(super) fn name(app: &AppName, key: &str) -> Vec<u8> {
    [app.as_str(), key].join("\0").into_bytes()
}
