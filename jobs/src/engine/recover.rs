//! What a ledger has, taken up again after a restart.

use super::run::{Ended, Running};
use super::{Engine, fact};
use crate::pending::ReadError;
use crate::record::{Body, Head, Tail};
use crate::timers::Timer;
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
        reader.facts(fact::SIGNATURE, &mut |key, value| {
            if let Ok(key) = key.try_into() {
                self.signatures.insert(u64::from_be_bytes(key), value.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        self.read_rates(reader)?;
        self.read_modes(reader)?;
        self.read_throttled(reader)?;
        self.read_batches(reader)?;
        let (mut begun, mut order_ms) = (Vec::new(), self.now.wall_ms);
        let mut first = true;
        reader.scan(0, States::ALL, &mut |row| {
            match Head::read(row.seq, row.head) {
                Ok(head) => {
                    order_ms = if first { head.order_ms } else { order_ms.max(head.order_ms) };
                    first = false;
                    begun.extend(self.take_up(row.seq, row.state, head, alive));
                }
                Err(fault) => self.unreadable.push(fault.to_string()),
            }
            ControlFlow::Continue(())
        })?;
        let offset = i128::from(order_ms) - i128::from(self.now.steady_ms);
        self.order_offset_ms = i64::try_from(offset).unwrap_or(0);
        for job in begun {
            self.take_up_begun(job, reader)?;
        }
        Ok(())
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
            None => self.unreadable.push(format!("job {seq} has an unknown state, {state}")),
        }
        None
    }

    fn take_up_begun(&mut self, begun: Begun, reader: &dyn Reader) -> Result<(), ReadError> {
        let Begun { seq, head, alive } = begun;
        let entry = reader.entry(seq)?;
        let body = entry.as_ref().map(|entry| Body::read(seq, &entry.body)).transpose();
        let tail = Tail::read(seq, entry.as_ref().and_then(|entry| entry.tail.as_deref()));
        let (Ok(body), Ok(tail)) = (body, tail) else {
            self.unreadable.push(format!("job {seq} is damaged; it is left alone"));
            return Ok(());
        };
        let kind = self.kind(&head);
        let key = &self.kinds[kind as usize].key;
        let (app, queue) = (key.app, key.queue);
        self.kinds[kind as usize].jobs += 1;
        self.bytes += u64::from(head.body_bytes);
        self.joins_unique(app, self.id_of(seq, &head), &head);
        if let Some(expires) = head.expires {
            self.timers.after(expires.ends_steady_ms(self.now), Timer::Expires { seq });
        }
        self.apps[app as usize].running += 1;
        self.queues[queue as usize].running += 1;
        self.begin_under_limits(kind);
        let lane = head.group.clone().map(|group| self.group_lane(app, &group));
        if let Some(group) = lane.and_then(|lane| self.lanes[lane as usize].group.as_mut()) {
            group.runs = true;
        }
        let attempt = head.attempt;
        let then = body.map(|body| body.then).unwrap_or_default();
        let began_steady_ms = self.now.steady_ms;
        let running = Running { head, tail, then, kind, lane, began_steady_ms, cancelled: false };
        self.running.insert(seq, running);
        if !alive {
            self.finish(seq, attempt, Ended::Crashed(KILLED.to_owned()));
        }
        Ok(())
    }
}
