//! Idempotency keys: the same key again gives the job that it first made, for a time.

use super::keys::{Known, name};
use super::{Engine, fact};
use crate::clock::{Now, Pause};
use crate::record::Head;
use ledger::{Change, Reader};
use protocol::{AppName, JobId, body_from_slice, body_to_vec};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Most keys that one sweep removes, so that no commit takes long.
const SWEPT_AT_ONCE_MAX: usize = 1024;

#[derive(Debug)]
pub(super) struct Idempotency {
    /// Those that are to be committed.
    pub(super) pending: HashMap<Vec<u8>, JobId>,
    /// When the engine was made.
    began: Now,
    /// When the first of those in the ledger may be over, by the clock below; nothing where there is none.
    first_end_ms: Option<u64>,
}

impl Idempotency {
    pub(super) fn new(now: Now) -> Self {
        // Nobody has looked yet.
        Self { pending: HashMap::new(), began: now, first_end_ms: Some(0) }
    }

    /// By the wall clock as it was when the engine was made: keys are too many to be held in memory, and
    /// a jump of the clock neither forgets them nor keeps them longer.
    fn now(&self, now: Now) -> Now {
        let passed = now.steady_ms.saturating_sub(self.began.steady_ms);
        Now { wall_ms: self.began.wall_ms.saturating_add(passed), ..now }
    }
}

/// Under which the ledger finds a key when its time is over: in the order of time.
fn end_of(until: Pause, name: &[u8]) -> Vec<u8> {
    [until.ends_ms.to_be_bytes().as_slice(), name].concat()
}

impl Engine {
    /// The job that a key made before.
    pub(super) fn known_by(
        &self,
        app: &AppName,
        key: &str,
        reader: &dyn Reader,
    ) -> Result<Option<JobId>, ledger::Error> {
        let name = name(app, key);
        if let Some(id) = self.idempotency.pending.get(&name) {
            return Ok(Some(*id));
        }
        let value = reader.fact(fact::IDEMPOTENCY, &name)?;
        let known = value.and_then(|value| body_from_slice::<Known>("key", &value).ok());
        let now = self.idempotency.now(self.now);
        let valid = |known: &Known| known.until.ends_steady_ms(now) > now.steady_ms;
        Ok(known.filter(valid).map(|known| known.id))
    }

    pub(super) fn make_known(&mut self, id: JobId, head: &Head) {
        let Some(key) = &head.idempotency_key else {
            return;
        };
        let key = name(&head.app, key);
        let now = self.idempotency.now(self.now);
        let known = Known { id, until: Pause::of(self.settings.idempotency_ms, now) };
        self.idempotency.pending.insert(key.clone(), id);
        let first = self.idempotency.first_end_ms.unwrap_or(u64::MAX);
        self.idempotency.first_end_ms = Some(first.min(known.until.ends_ms));
        let (end, value) = (end_of(known.until, &key), body_to_vec(&known));
        self.pending.push(Change::SetFact { kind: fact::IDEMPOTENCY, key, value });
        let (kind, value) = (fact::IDEMPOTENCY_END, Vec::new());
        self.pending.push(Change::SetFact { kind, key: end, value });
    }

    /// In how many milliseconds there may be something to sweep; nothing as long as no key is known.
    pub fn sweeps_in_ms(&self) -> Option<u64> {
        let now = self.idempotency.now(self.now).wall_ms;
        self.idempotency.first_end_ms.map(|end| end.saturating_sub(now))
    }

    /// Removes keys whose time is over, a bounded number of them; says whether there are more. To be
    /// called now and then when there may be some, and again while there are.
    pub fn sweep(&mut self, reader: &dyn Reader) -> Result<bool, ledger::Error> {
        let now = self.idempotency.now(self.now).wall_ms;
        let (mut ends, mut more) = (Vec::new(), false);
        // Of those that are to be committed the reader has nothing.
        let mut first = self.idempotency.pending.keys().next().map(|_| now);
        reader.facts(fact::IDEMPOTENCY_END, &mut |end, _| {
            let at = end.first_chunk().map_or(0, |at| u64::from_be_bytes(*at));
            more = at <= now && ends.len() == SWEPT_AT_ONCE_MAX;
            if at > now || more {
                first = first.or(Some(at));
                return ControlFlow::Break(());
            }
            ends.push(end.to_vec());
            ControlFlow::Continue(())
        })?;
        self.idempotency.first_end_ms = first;
        for end in ends {
            let name = end.get(size_of::<u64>()..).unwrap_or_default().to_vec();
            if self.is_past(&name, now, reader)? {
                self.pending.push(Change::RemoveFact { kind: fact::IDEMPOTENCY, key: name });
            }
            self.pending.push(Change::RemoveFact { kind: fact::IDEMPOTENCY_END, key: end });
        }
        Ok(more)
    }

    /// Not one that was made anew since, or is in this very commit.
    fn is_past(&self, name: &[u8], now: u64, reader: &dyn Reader) -> Result<bool, ledger::Error> {
        if self.idempotency.pending.contains_key(name) {
            return Ok(false);
        }
        let value = reader.fact(fact::IDEMPOTENCY, name)?;
        let known = value.and_then(|value| body_from_slice::<Known>("key", &value).ok());
        Ok(known.is_none_or(|known| known.until.ends_ms <= now))
    }
}
