//! What time brings, and when.

use super::Engine;
use crate::pending::ReadError;
use crate::record::Head;
use ledger::Reader;
use protocol::JobState;

/// The wall clock may be set while everything sleeps; this often it is looked at, if anything waits for it.
const WALL_CLOCK_LOOK_MS: u64 = 10_000;

/// Most jobs whose time is over in one commit, so that none takes long; the others do not begin either.
const EXPIRED_AT_ONCE_MAX: usize = 512;

impl Engine {
    /// Does what is due by now, and what has been left to do since.
    pub fn tick(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        self.end_pauses();
        self.ring_limiters();
        self.end_throttles();
        for _ in 0..EXPIRED_AT_ONCE_MAX {
            let Some((seq, ())) = self.waiting.expiring.pop_due(self.now.steady_ms) else {
                break;
            };
            self.on_expires(seq, reader)?;
        }
        self.tick_schedules(reader)?;
        self.sweep_signatures(reader)?;
        self.catch_up(reader)?;
        self.remove_kept();
        Ok(())
    }

    /// How long there is nothing to do unless somebody asks, in milliseconds; `None` = for ever.
    pub fn quiet_ms(&self) -> Option<u64> {
        let sweeps = self.signatures.is_sweeping();
        if sweeps || self.dispatches_more || !self.failing_batches.is_empty() {
            return Some(0);
        }
        let kept = self.kept.next_ms(self.settings.kept_max);
        let steady = [kept, self.limits.next_ring_ms(), self.keys.next_end_ms()];
        let steady = steady.into_iter().flatten().map(|at| at.saturating_sub(self.now.steady_ms));
        let wall =
            [self.waiting.next_wall_ms(), self.schedules.next_ms()].into_iter().flatten().min();
        let wall = wall.map(|at| at.saturating_sub(self.now.wall_ms).min(WALL_CLOCK_LOOK_MS));
        steady.chain(self.waiting.quiet_ms(self.now)).chain(wall).min()
    }

    /// What needed a reader of the ledger, and had none.
    pub(super) fn catch_up(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        self.end_replaced(reader)?;
        self.end_failing_batches(reader)
    }

    pub(super) fn end_replaced(&mut self, reader: &dyn Reader) -> Result<(), ReadError> {
        while let Some(id) = self.keys.replaced.pop() {
            self.cancel_waiting(id, super::keys::REPLACED, reader)?;
        }
        Ok(())
    }

    pub(super) fn is_expired(&self, head: &Head) -> bool {
        head.expires.is_some_and(|pause| pause.ends_steady_ms(self.now) <= self.now.steady_ms)
    }

    fn on_expires(&mut self, seq: u64, reader: &dyn Reader) -> Result<(), ReadError> {
        if let Some(stored) = self.readable(seq, reader)?
            && stored.state == JobState::Waiting as u8
            && let Some(kind) = self.withdraw(seq, &stored.head)
        {
            self.expire(seq, kind, stored.head, stored.tail);
        }
        Ok(())
    }
}
