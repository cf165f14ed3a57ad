//! What a ledger has, taken up again after a restart.

use super::Engine;
use super::run::{Ended, Running};
use crate::clock::Due;
use crate::pending::ReadError;
use crate::record::{Body, Head, Tail};
use ledger::{Reader, States};
use protocol::JobState;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// What is told of attempts that a stop of the worker ended.
const KILLED: &str = "the worker was killed or lost power while it ran";

/// A job that the ledger says is running.
struct Begun {
    seq: u64,
    head: Head,
    /// Whether it still is: the engine is new, its executor is not.
    alive: bool,
}

impl Engine {
    /// Takes up what the ledger has. `alive` are attempts whose executors still run: after an error of
    /// the ledger, not after a restart. All others that had begun count as crashes.
    pub fn recover(
        &mut self,
        reader: &dyn Reader,
        alive: &HashMap<u64, u32>,
    ) -> Result<(), ReadError> {
        self.signatures.read(reader)?;
        self.read_modes(reader)?;
        self.read_windows(reader)?;
        self.read_throttles(reader)?;
        self.read_batches(reader)?;
        self.read_ticks(reader)?;
        let (mut begun, mut order_ms) = (Vec::new(), None);
        reader.scan(0, States::ALL, &mut |row| {
            match Head::read(row.seq, row.head) {
                Ok(head) => {
                    if row.state == JobState::Waiting as u8 || row.state == JobState::Running as u8
                    {
                        order_ms = order_ms.max(Some(queued_ms(&head)));
                    }
                    begun.extend(self.take_up(row.seq, row.state, head, alive));
                }
                Err(fault) => self.told.troubles.push(fault.to_string()),
            }
            ControlFlow::Continue(())
        })?;
        let order_ms = order_ms.unwrap_or(self.now.wall_ms);
        let offset = i128::from(order_ms) - i128::from(self.now.steady_ms);
        self.order_offset_ms = i64::try_from(offset).unwrap_or(0);
        for job in begun {
            self.take_up_begun(job, reader)?;
        }
        Ok(())
    }

    /// Facts that cannot be read stay where they are, for a version that can.
    pub(super) fn leave_unread(&mut self, count: u32, what: &str) {
        if count > 0 {
            self.told.troubles.push(format!(
                "{count} {what} cannot be read: they are damaged, or from a later version, and are left alone"
            ));
        }
    }

    fn take_up(
        &mut self,
        seq: u64,
        state: u8,
        head: Head,
        alive: &HashMap<u64, u32>,
    ) -> Option<Begun> {
        match JobState::from_byte(state) {
            Some(JobState::Waiting) => {
                self.rejoin_batch(&head, seq);
                self.admit(seq, &head);
                self.set_key_limit(&head);
            }
            Some(JobState::Running) => {
                self.rejoin_batch(&head, seq);
                let alive = alive.get(&seq) == Some(&head.attempt);
                return Some(Begun { seq, head, alive });
            }
            Some(state) => {
                let keep = self.keep_ms(&head, state);
                let left = (head.ended_ms + keep).saturating_sub(self.now.wall_ms).min(keep);
                self.keep(seq, state, self.now.steady_ms + left);
            }
            None => self.told.troubles.push(format!("job {seq} has an unknown state, {state}")),
        }
        None
    }

    fn take_up_begun(&mut self, begun: Begun, reader: &dyn Reader) -> Result<(), ReadError> {
        let Begun { seq, head, alive } = begun;
        let entry = reader.entry(seq)?;
        let body = entry.as_ref().map(|entry| Body::read(seq, &entry.body)).transpose();
        let tail = Tail::read(entry.as_ref().and_then(|entry| entry.tail.as_deref()));
        let Ok(body) = body else {
            self.told.troubles.push(format!("job {seq} is damaged; it is left alone"));
            return Ok(());
        };
        let kind = self.join_kind(&head);
        let app = self.kinds.class_of(kind).key.app;
        self.bytes += u64::from(head.body_bytes);
        self.go_on_under_limits(kind);
        let group = head.group.as_ref().map(|group| self.group(app, group));
        if let Some(group) = group {
            self.set_group_runs(group, true);
        }
        self.take_up_key(seq, &head, reader)?;
        if head.cancelled && alive {
            self.told.interrupts.push(seq);
        }
        let attempt = head.attempt;
        let then = body.map(|body| body.then).unwrap_or_default();
        let began_steady_ms = self.now.steady_ms;
        let began_here = false;
        let running = Running { head, tail, then, kind, group, began_steady_ms, began_here };
        self.count_running(seq, running);
        if !alive {
            self.finish(seq, attempt, Ended::Crashed(KILLED.to_owned()));
        }
        Ok(())
    }

    /// A job that runs has its key; one that waits with it was taken for the only one until now.
    fn take_up_key(&mut self, seq: u64, head: &Head, reader: &dyn Reader) -> Result<(), ReadError> {
        self.runs_with_key(self.id_of(seq, head), head);
        if let Some(other) = self.waiting_with_key_of(head)
            && let Some(stored) = self.stored(other, reader)?
        {
            self.fall_behind_key(other.seq(), &stored.head);
        }
        Ok(())
    }
}

/// When a job was queued by the clock that orders jobs, as far as it tells: what it was delayed by
/// is no time that has passed.
fn queued_ms(head: &Head) -> u64 {
    let delay = match head.due {
        _ if head.attempt > 0 => 0,
        Due::Now => 0,
        Due::After(pause) => pause.length_ms,
        Due::At(at) => at.saturating_sub(head.made_ms),
    };
    head.order_ms.saturating_sub(delay)
}
