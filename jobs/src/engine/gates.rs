//! Gates: where jobs wait for a limit. Those of an application pass up to three: one of their queue,
//! below it one for each function, below that one for each key.
//!
//! A gate shows the one above the lowest rank that waits below it, so the next job is found from the
//! top. It is shut only when somebody stands before it, and then one gate is shut, however many lanes
//! are behind it; whatever may open it again opens all gates of its limit, which are few.

use super::Engine;
use super::members::index;
use crate::limiter::Verdict;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};

/// What a gate has below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Below {
    Gate(u32),
    Lane(u32),
}

/// What may go on, lowest rank first.
pub(super) type Ready = BTreeSet<(i64, Below)>;

#[derive(Debug)]
pub(super) struct Gate {
    app: u32,
    pub(super) above: Option<u32>,
    pub(super) limiter: u32,
    /// Its queue, if it is that of one.
    queue: Option<u32>,
    /// Kinds and gates that are below it.
    users: u32,
    ready: Ready,
    /// What it shows the one above.
    shown: Option<i64>,
    shut: bool,
}

#[derive(Debug, Default)]
pub(super) struct Gates {
    all: Slab<Gate>,
    /// By the gate above and the limit.
    ids: HashMap<(Option<u32>, u32), u32>,
}

impl Gates {
    pub(super) fn get(&self, gate: u32) -> &Gate {
        &self.all[gate as usize]
    }
}

impl Engine {
    /// The gate of a limit below another one, made if it is not there. It gets one user more.
    pub(super) fn gate(
        &mut self,
        app: u32,
        above: Option<u32>,
        limiter: u32,
        queue: Option<u32>,
    ) -> u32 {
        if let Some(gate) = self.gates.ids.get(&(above, limiter)).copied() {
            self.gates.all[gate as usize].users += 1;
            return gate;
        }
        let ready = Ready::new();
        let gate = Gate { app, above, limiter, queue, users: 1, ready, shown: None, shut: false };
        let id = index(self.gates.all.insert(gate));
        self.gates.ids.insert((above, limiter), id);
        self.limits.get(limiter).users += 1;
        if let Some(above) = above {
            self.gates.all[above as usize].users += 1;
        }
        id
    }

    /// One user less; the last one takes it along, and so on upwards.
    pub(super) fn leave_gate(&mut self, gate: u32) {
        let known = &mut self.gates.all[gate as usize];
        known.users -= 1;
        if known.users > 0 {
            return;
        }
        let known = self.gates.all.remove(gate as usize);
        self.gates.ids.remove(&(known.above, known.limiter));
        self.leave_limiter(known.limiter);
        if let Some(above) = known.above {
            self.leave_gate(above);
        }
    }

    /// From the innermost to that of the queue.
    pub(super) fn gates_of(&self, gate: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(gate), |gate| self.gates.get(*gate).above)
    }

    /// What is below a gate, or an application, shows another rank than before.
    pub(super) fn show(
        &mut self,
        app: u32,
        above: Option<u32>,
        below: Below,
        from: Option<i64>,
        to: Option<i64>,
    ) {
        if from == to {
            return;
        }
        let ready = match above {
            Some(gate) => &mut self.gates.all[gate as usize].ready,
            None => &mut self.apps[app as usize].ready,
        };
        if let Some(rank) = from {
            ready.remove(&(rank, below));
        }
        if let Some(rank) = to {
            ready.insert((rank, below));
        }
        if let Some(gate) = above {
            self.refresh(gate);
        }
    }

    fn refresh(&mut self, gate: u32) {
        let known = &mut self.gates.all[gate as usize];
        let lowest = known.ready.first().map(|(rank, _)| *rank).filter(|_| !known.shut);
        let before = std::mem::replace(&mut known.shown, lowest);
        let (app, above) = (known.app, known.above);
        self.show(app, above, Below::Gate(gate), before, lowest);
    }

    /// The lane whose first job is the next to begin. Gates on the way that let nobody through are shut.
    pub(super) fn next_lane(&mut self, app: u32) -> Option<u32> {
        let first = |ready: &Ready| ready.first().map(|(_, below)| *below);
        let mut below = first(&self.apps[app as usize].ready)?;
        loop {
            below = match below {
                Below::Lane(lane) => return Some(lane),
                Below::Gate(gate) if self.admits(gate) => first(&self.gates.get(gate).ready)?,
                Below::Gate(gate) => {
                    self.shut(gate);
                    first(&self.apps[app as usize].ready)?
                }
            };
        }
    }

    fn admits(&mut self, gate: u32) -> bool {
        let Gate { limiter, queue, .. } = *self.gates.get(gate);
        let paused = queue.is_some_and(|queue| self.queues[queue as usize].paused);
        !paused && self.verdict(limiter) == Verdict::Admitted
    }

    fn shut(&mut self, gate: u32) {
        let known = &mut self.gates.all[gate as usize];
        known.shut = true;
        let limiter = known.limiter;
        self.limits.get(limiter).shut.push(gate);
        if let Verdict::NotBefore(at) = self.verdict(limiter) {
            self.limits.ring(limiter, at);
        }
        self.refresh(gate);
    }

    pub(super) fn open_gate(&mut self, gate: u32) {
        // It may be another one by now: then it is shut again when somebody stands before it.
        if let Some(known) = self.gates.all.get_mut(gate as usize)
            && std::mem::replace(&mut known.shut, false)
        {
            self.refresh(gate);
        }
    }
}
