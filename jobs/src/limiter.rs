//! One limit: so many at a time, so many in any period.

use crate::clock::Now;
use crate::settings::Limits;
use protocol::Rate;
use std::collections::VecDeque;

/// A limit, and how much of it is used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limiter {
    pub(crate) limits: Limits,
    pub(crate) running: u32,
    /// When those that began within the last period count no more, by the steady clock, oldest first.
    ends: VecDeque<u64>,
}

/// What a limit says to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Admitted,
    /// One of those that run has to end first.
    Busy,
    /// By the steady clock.
    NotBefore(u64),
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(crate) fn verdict(&mut self, now: Now) -> Verdict {
        if self.limits.concurrency.is_some_and(|most| self.running >= most) {
            return Verdict::Busy;
        }
        let Some(Rate { count, .. }) = self.limits.rate else {
            return Verdict::Admitted;
        };
        if count == 0 {
            return Verdict::Busy;
        }
        self.forget_past(now);
        let over = self.ends.len().checked_sub(count as usize);
        match over.and_then(|over| self.ends.get(over)) {
            Some(ends) => Verdict::NotBefore(*ends),
            None => Verdict::Admitted,
        }
    }

    /// One begins. It was admitted.
    pub(crate) fn begin(&mut self, now: Now) {
        self.running += 1;
        if let Some(rate) = self.limits.rate {
            self.forget_past(now);
            // A period that became shorter lets none count less long than those before it.
            let ends = now.steady_ms.saturating_add(rate.period_ms);
            self.ends.push_back(self.ends.back().map_or(ends, |last| ends.max(*last)));
        }
    }

    /// One that began before a restart runs: what is known of the window has it already.
    pub(crate) fn go_on(&mut self) {
        self.running += 1;
    }

    pub(crate) fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// One that was to begin at that time never did; whether its place was still taken.
    pub(crate) fn give_back(&mut self, began_ms: u64) -> bool {
        let ends = self.limits.rate.map(|rate| began_ms.saturating_add(rate.period_ms));
        // Under another rate than now it had another end, or one with those before it: then it is left.
        let place = ends.and_then(|ends| self.ends.binary_search(&ends).ok());
        place.and_then(|place| self.ends.remove(place)).is_some()
    }

    /// How many began within the period; what is stored, so that a restart frees no window.
    pub(crate) fn used(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// What is known after a restart, on the safe side: so many began as late as the last of them.
    pub(crate) fn restore(&mut self, used: u32, ends_ms: u64) {
        self.ends = std::iter::repeat_n(ends_ms, used as usize).collect();
    }

    /// When it has nothing to remember any more, if that is not now.
    pub(crate) fn remembers_until(&mut self, now: Now) -> Option<u64> {
        self.forget_past(now);
        self.ends.back().copied()
    }

    fn forget_past(&mut self, now: Now) {
        while self.ends.front().is_some_and(|ends| *ends <= now.steady_ms) {
            self.ends.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(steady_ms: u64) -> Now {
        Now { wall_ms: 0, steady_ms }
    }

    #[test]
    fn never_more_than_the_count_in_any_period() {
        let rate = Some(Rate { count: 2, period_ms: 100 });
        let mut limiter = Limiter::new(Limits { concurrency: None, rate });
        for begins in [0, 90] {
            assert_eq!(limiter.verdict(at(begins)), Verdict::Admitted);
            limiter.begin(at(begins));
        }
        assert_eq!(limiter.verdict(at(95)), Verdict::NotBefore(100));
        assert_eq!(limiter.verdict(at(100)), Verdict::Admitted);
        limiter.begin(at(100));
        assert_eq!(limiter.verdict(at(101)), Verdict::NotBefore(190));
    }

    #[test]
    fn as_many_at_a_time_as_it_allows() {
        let mut limiter = Limiter::new(Limits { concurrency: Some(1), rate: None });
        limiter.begin(at(0));
        assert_eq!(limiter.verdict(at(1)), Verdict::Busy);
        limiter.end();
        assert_eq!(limiter.verdict(at(1)), Verdict::Admitted);
    }

    #[test]
    fn what_allows_none_admits_none() {
        let none = Rate { count: 0, period_ms: 100 };
        let mut limiter = Limiter::new(Limits { concurrency: None, rate: Some(none) });
        assert_eq!(limiter.verdict(at(0)), Verdict::Busy);
    }

    #[test]
    fn nothing_is_remembered_beyond_its_window() {
        let rate = Some(Rate { count: 2, period_ms: 100 });
        let mut limiter = Limiter::new(Limits { concurrency: None, rate });
        limiter.begin(at(0));
        limiter.limits.rate = None;
        assert_eq!(limiter.remembers_until(at(1)), Some(100));
        assert_eq!(limiter.remembers_until(at(100)), None);
    }
}
