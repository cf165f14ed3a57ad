//! What can wait until there is nothing else to do, and must not wait for ever.

use ledger::Ledger;
use std::time::{Duration, Instant};

/// How often what is known for a time only is swept, at most; more often where that time is shorter.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const SWEEP_EVERY_LEAST: Duration = Duration::from_secs(1);
/// Rounds after which the ledger is tidied although there is work.
const TIDY_ROUNDS: u32 = 256;
/// How often tidying is tried after it failed.
const TIDY_AGAIN: Duration = Duration::from_secs(10);

/// When what is due.
pub(super) struct Housekeeping {
    sweep_every: Duration,
    swept: Instant,
    /// There was more to sweep than fits in a round.
    unswept: bool,
    rounds: u32,
    untidy: bool,
    /// The ledger could not be tidied: not before then is it tried again.
    tidy_after: Option<Instant>,
}

impl Housekeeping {
    /// `known_ms` is for how long something is known.
    pub(super) fn new(now: Instant, known_ms: u64) -> Self {
        let sweep_every = Duration::from_millis(known_ms).clamp(SWEEP_EVERY_LEAST, SWEEP_EVERY);
        let (rounds, tidy_after) = (0, None);
        Self { sweep_every, swept: now, unswept: false, rounds, untidy: true, tidy_after }
    }

    /// Something is in the ledger's log.
    pub(super) fn committed(&mut self) {
        self.untidy = true;
    }

    /// A round is over; whether the ledger is to be tidied although there may be work.
    pub(super) fn is_due_after_round(&mut self) -> bool {
        self.rounds = self.rounds.wrapping_add(1);
        self.rounds.is_multiple_of(TIDY_ROUNDS)
    }

    /// How long until it is time to sweep, if there is something to sweep in so many milliseconds.
    pub(super) fn sweeps_in(&self, due_ms: Option<u64>) -> Option<Duration> {
        let rest = self.sweep_every.saturating_sub(self.swept.elapsed());
        match self.unswept {
            true => Some(Duration::ZERO),
            false => due_ms.map(|ms| Duration::from_millis(ms).max(rest)),
        }
    }

    /// It was swept, as far as fits in a round.
    pub(super) fn swept(&mut self, more: bool) {
        (self.swept, self.unswept) = (Instant::now(), more);
    }

    /// A slice of tidying; whether there is more of it.
    pub(super) fn tidy(&mut self, ledger: &mut dyn Ledger) -> bool {
        let waits = self.tidy_after.is_some_and(|after| Instant::now() < after);
        if !self.untidy || waits {
            return false;
        }
        match ledger.tidy() {
            Ok(more) => {
                self.untidy = more;
                self.tidy_after = None;
            }
            Err(error) => {
                // Once; what follows from it is told by commits that fail.
                if self.tidy_after.is_none() {
                    tracing::warn!(%error, "the ledger of jobs cannot be tidied");
                }
                self.untidy = false;
                self.tidy_after = Some(Instant::now() + TIDY_AGAIN);
            }
        }
        self.untidy
    }
}
