//! Idempotency keys: the same key again gives the job that it first made, for a time.

use super::keys::{Known, name};
use super::{Engine, fact};
use crate::clock::Pause;
use crate::record::Head;
use ledger::{Change, Reader};
use protocol::{AppName, JobId, body_from_slice, body_to_vec};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Most keys that one sweep looks at.
const SWEPT_AT_ONCE_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Idempotency {
    /// Those that are to be committed.
    pub(super) pending: HashMap<Vec<u8>, JobId>,
    /// Where the next sweep begins.
    swept_to: Vec<u8>,
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
        let valid = |known: &Known| known.until.ends_steady_ms(self.now) > self.now.steady_ms;
        Ok(known.filter(valid).map(|known| known.id))
    }

    pub(super) fn make_known(&mut self, id: JobId, head: &Head) {
        let Some(key) = &head.idempotency_key else {
            return;
        };
        let key = name(&head.app, key);
        let known = Known { id, until: Pause::of(self.settings.idempotency_ms, self.now) };
        self.idempotency.pending.insert(key.clone(), id);
        let value = body_to_vec(&known);
        self.pending.push(Change::SetFact { kind: fact::IDEMPOTENCY, key, value });
    }

    /// Removes idempotency keys whose time is over: a bounded number of them, from where the last
    /// sweep ended. To be called now and then.
    pub fn sweep(&mut self, reader: &dyn Reader) -> Result<(), ledger::Error> {
        let (now, mut seen, mut past) = (self.now.wall_ms, 0, Vec::new());
        let from = std::mem::take(&mut self.idempotency.swept_to);
        let mut next = Vec::new();
        reader.facts_from(fact::IDEMPOTENCY, &from, &mut |key, value| {
            if seen == SWEPT_AT_ONCE_MAX {
                next = key.to_vec();
                return ControlFlow::Break(());
            }
            seen += 1;
            let known = body_from_slice::<Known>("key", value).ok();
            if known.is_none_or(|known| known.until.ends_ms <= now) {
                past.push(key.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        self.idempotency.swept_to = next;
        // One that is made anew in this very commit stays.
        past.retain(|key| !self.idempotency.pending.contains_key(key));
        for key in past {
            self.pending.push(Change::RemoveFact { kind: fact::IDEMPOTENCY, key });
        }
        Ok(())
    }
}
