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
/// When nothing was committed for so long, the ledger rests: a copy of its database has everything.
const REST_AFTER: Duration = Duration::from_secs(1);

/// When what is due.
pub(super) struct Housekeeping {
    sweep_every: Duration,
    swept: Instant,
    /// There was more to sweep than fits in a round.
    unswept: bool,
    rounds: u32,
    untidy: bool,
    rests_at: Option<Instant>,
    /// The ledger could not be tidied: not before then is it tried again.
    tidy_after: Option<Instant>,
}

impl Housekeeping {
    /// `known_ms` is for how long something is known.
    pub(super) fn new(now: Instant, known_ms: u64) -> Self {
        let sweep_every = Duration::from_millis(known_ms).clamp(SWEEP_EVERY_LEAST, SWEEP_EVERY);
        let (rounds, rests_at, tidy_after) = (0, Some(now + REST_AFTER), None);
        Self { sweep_every, swept: now, unswept: false, rounds, untidy: true, rests_at, tidy_after }
    }

    /// Something is in the ledger's log since then.
    pub(super) fn committed(&mut self, now: Instant) {
        self.untidy = true;
        self.rests_at = Some(now + REST_AFTER);
    }

    /// Whether everything that was committed is where it stays.
    pub(super) fn is_resting(&self) -> bool {
        self.rests_at.is_none()
    }

    /// How long until the ledger is to rest, if there is something that moves then.
    pub(super) fn rests_in(&self) -> Option<Duration> {
        let at = self.rests_at.max(self.rests_at.and(self.tidy_after))?;
        Some(at.saturating_duration_since(Instant::now()))
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
        let now = Instant::now();
        let has_come = |at: &Instant| now >= *at;
        let rests = self.rests_at.as_ref().is_some_and(has_come);
        if !(self.untidy || rests) || !self.tidy_after.as_ref().is_none_or(has_come) {
            return false;
        }
        let tidied = if rests { ledger.rest() } else { ledger.tidy() };
        match tidied {
            Ok(more) => {
                self.untidy = more;
                self.tidy_after = None;
                if rests && !more {
                    self.rests_at = None;
                }
                more
            }
            Err(error) => {
                // Once; what follows from it is told by commits that fail.
                if self.tidy_after.is_none() {
                    tracing::warn!(%error, "the ledger of jobs cannot be tidied");
                }
                self.untidy = false;
                self.tidy_after = Some(now + TIDY_AGAIN);
                false
            }
        }
    }
}
