//! Whether to spin for an answer or to sleep at once.
//!
//! Spinning saves the tens of microseconds that waking a sleeping processor takes, but keeps a
//! processor busy that the worker could have run on. So: spin when calls follow each other closely,
//! because then the worker is awake and watching too, and while most of it has been worth it. A miss
//! costs several times what a hit gains; when misses are frequent, ever more calls sleep at once
//! before spinning is tried again.

use std::time::Duration;

/// Hits that make up for a miss.
const MISS_WEIGHT: u32 = 4;
/// Doublings at most: 1 call in 64 tries again.
const DOUBLINGS_MAX: u32 = 6;

/// What spinning on one connection has been worth.
#[derive(Debug, Default)]
pub(super) struct Spinning {
    /// Misses times their weight, less hits.
    losses: u32,
    skip: u32,
}

impl Spinning {
    /// Whether to spin for up to `budget` for the answer to a call that was sent `gap` after the
    /// connection's last answer.
    pub(super) fn pays(&mut self, gap: Duration, budget: Duration) -> bool {
        if gap >= budget {
            return false;
        }
        let pays = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        pays
    }

    /// The answer came while we spun.
    pub(super) fn hit(&mut self) {
        self.losses = self.losses.saturating_sub(1);
    }

    /// The budget was spent and no answer had come.
    pub(super) fn missed(&mut self) {
        self.losses = (self.losses + MISS_WEIGHT).min(MISS_WEIGHT * DOUBLINGS_MAX);
        self.skip = (1 << (self.losses / MISS_WEIGHT)) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_micros(50);
    const SOON: Duration = Duration::from_micros(5);
    const LATE: Duration = Duration::from_millis(1);

    /// How many of 1000 close calls are spun for when `hits` of each 10 answers come in time.
    fn spun(spinning: &mut Spinning, hits: u32) -> u32 {
        let mut spun = 0;
        for _ in 0..1000 {
            if spinning.pays(SOON, BUDGET) {
                spun += 1;
                if spun % 10 < hits { spinning.hit() } else { spinning.missed() }
            }
        }
        spun
    }

    #[test]
    fn quick_answers_to_close_calls_are_spun_for() {
        assert_eq!(spun(&mut Spinning::default(), 10), 1000);
        assert!(spun(&mut Spinning::default(), 9) > 800);
    }

    #[test]
    fn calls_far_apart_are_not_and_leave_no_trace() {
        let mut spinning = Spinning::default();
        for _ in 0..100 {
            assert!(!spinning.pays(LATE, BUDGET));
        }
        assert!(spinning.pays(SOON, BUDGET));
    }

    #[test]
    fn slow_answers_make_it_rare_and_quick_ones_bring_it_back() {
        let mut spinning = Spinning::default();
        let rarely = 10..40;
        assert!(rarely.contains(&spun(&mut spinning, 0)));
        assert!(spun(&mut spinning, 10) > 900);
        assert!(spun(&mut spinning, 5) < 200);
    }

    #[test]
    fn a_budget_of_zero_never_spins() {
        assert!(!Spinning::default().pays(Duration::ZERO, Duration::ZERO));
    }
}
