//! What follows from a round that is on disk, once who waits for it was told.

use super::awaiting::Waiter;
use super::command::Order;
use super::events::Happened;
use super::keeper::Keeper;
use crate::serve::fault;
use jobs::Start;

/// What is left to do of a round that is on disk.
pub(super) struct Round {
    /// Attempts that begin.
    pub(super) starts: Vec<Start>,
    /// Who is told when a job or a batch is over.
    pub(super) later: Vec<Waiter>,
    /// Somebody was told.
    pub(super) is_told: bool,
}

impl Keeper {
    /// What follows from a round that is on disk.
    pub(super) fn follow_up(&mut self, round: Option<Round>) {
        if let Some(round) = round {
            self.begin(round);
        }
        if self.housekeeping.is_due_after_round() {
            self.housekeep();
        }
    }

    fn begin(&mut self, Round { starts, later, .. }: Round) {
        let ends = std::mem::take(&mut self.ends);
        let (made, over) = (self.engine.take_made(), self.engine.take_over());
        self.awaiting.take_unkept(&mut self.engine);
        if self.way.feed.is_followed() {
            let happened = Happened {
                made,
                ends: ends.into_iter().map(|(seq, _, ended)| (seq, ended)).collect(),
                over: over.clone(),
                began: starts.iter().map(|start| start.seq).collect(),
                unkept: self.awaiting.untold().cloned().collect(),
            };
            self.way.feed.note(happened, self.ledger.tag(), self.ledger.read());
        }
        for start in starts {
            self.begun.insert(start.seq, start.context.attempt);
            let _ = self.way.orders.send(Order::Begin(Box::new(start)));
        }
        for seq in self.engine.take_interrupts() {
            let _ = self.way.orders.send(Order::Interrupt(seq));
        }
        later.into_iter().for_each(|waiter| self.awaiting.add(waiter));
        self.awaiting.tell(over, &mut self.engine, self.ledger.read());
        for trouble in self.engine.take_troubles() {
            tracing::error!("{trouble}");
        }
        fault::point("jobs.answered");
    }
}
