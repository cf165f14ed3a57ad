//! Gates: where jobs wait for a limit. Those of an application pass up to three: one of their queue,
//! below it one for each function, below that their kind, if it has the key of a limit.
//!
//! A gate shows the one above the lowest rank that waits below it, so the next job is found from the
//! top. It is shut only when somebody stands before it, and then one gate is shut, however many jobs
//! are behind it; whatever may open it again opens all gates of its limit, which are few.

use super::Engine;
use crate::limiter::Verdict;
use crate::numbered::index;
use crate::order::Order;
use slab::Slab;
use std::collections::HashMap;

/// What a gate has below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Below {
    Gate(u32),
    Kind(u32),
}

/// What may go on, lowest rank first.
pub(super) type Ready = Order<(i64, Below)>;

#[derive(Debug)]
pub(super) struct Gate {
    app: u32,
    pub(super) above: Option<u32>,
    pub(super) limiter: u32,
    /// Its queue, if it is that of one.
    queue: Option<u32>,
    /// Classes and gates that are below it.
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
        let ready = Ready::default();
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
        self.limits.note_open(known.limiter, Below::Gate(gate));
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
            ready.remove((rank, below));
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
        let lowest = known.ready.first().map(|(rank, _)| rank).filter(|_| !known.shut);
        let before = std::mem::replace(&mut known.shown, lowest);
        let (app, above) = (known.app, known.above);
        self.show(app, above, Below::Gate(gate), before, lowest);
    }

    /// The kind whose first job is the next to begin. Gates on the way that let nobody through are shut.
    pub(super) fn next_kind(&mut self, app: u32) -> Option<u32> {
        let first = |ready: &Ready| ready.first().map(|(_, below)| below);
        let mut below = first(&self.apps[app as usize].ready)?;
        loop {
            below = match below {
                _ if !self.admits(below) => {
                    self.shut(below);
                    first(&self.apps[app as usize].ready)?
                }
                Below::Kind(kind) => return Some(kind),
                Below::Gate(gate) => first(&self.gates.get(gate).ready)?,
            };
        }
    }

    fn admits(&mut self, below: Below) -> bool {
        let queue = match below {
            Below::Gate(gate) => self.gates.get(gate).queue,
            Below::Kind(_) => None,
        };
        let paused = queue.is_some_and(|queue| self.queues[queue as usize].paused);
        !paused && self.limiter_at(below).is_none_or(|id| self.verdict(id) == Verdict::Admitted)
    }

    fn limiter_at(&self, below: Below) -> Option<u32> {
        match below {
            Below::Gate(gate) => Some(self.gates.get(gate).limiter),
            Below::Kind(kind) => self.kinds.limiter_of(kind),
        }
    }

    fn shut(&mut self, below: Below) {
        if let Some(limiter) = self.limiter_at(below) {
            self.limits.note_shut(limiter, below);
            if let Verdict::NotBefore(at) = self.verdict(limiter) {
                self.limits.ring(limiter, at);
            }
        }
        match below {
            Below::Gate(gate) => self.set_gate_shut(gate, true),
            Below::Kind(kind) => self.shut_kind(kind),
        }
    }

    pub(super) fn open(&mut self, below: Below) {
        if let Some(limiter) = self.limiter_at(below) {
            self.limits.note_open(limiter, below);
        }
        match below {
            Below::Gate(gate) => self.set_gate_shut(gate, false),
            Below::Kind(kind) => self.open_kind(kind),
        }
    }

    fn set_gate_shut(&mut self, gate: u32, shut: bool) {
        self.gates.all[gate as usize].shut = shut;
        self.refresh(gate);
    }
}
