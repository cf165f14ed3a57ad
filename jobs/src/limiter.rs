//! One limit: so many at a time, so many in any period.

use crate::clock::Now;
use crate::settings::Limits;
use crate::window::Window;
use protocol::Rate;
use std::num::NonZeroU64;

/// A limit, and how much of it is used. Its [`Limits`] are taken apart, in half the memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limiter {
    concurrency: Option<u32>,
    rate_count: u32,
    /// Of the rate, if there is one.
    period_ms: Option<NonZeroU64>,
    running: u32,
    /// Absent while nothing began within the last period: most limits are of keys that wait.
    window: Option<Box<Window>>,
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
        let mut limiter = Self::default();
        limiter.set_limits(limits);
        limiter
    }

    pub(crate) fn limits(&self) -> Limits {
        let rate = self.period_ms.map(|ms| Rate { count: self.rate_count, period_ms: ms.get() });
        Limits { concurrency: self.concurrency, rate }
    }

    pub(crate) fn set_limits(&mut self, Limits { concurrency, rate }: Limits) {
        self.concurrency = concurrency;
        self.rate_count = rate.map_or(0, |rate| rate.count);
        // A rate in no time is one in the shortest.
        self.period_ms = rate.map(|rate| NonZeroU64::MIN.saturating_add(rate.period_ms.max(1) - 1));
    }

    pub(crate) fn verdict(&mut self, now: Now) -> Verdict {
        if self.concurrency.is_some_and(|most| self.running >= most) {
            return Verdict::Busy;
        }
        let Some(Rate { count, .. }) = self.limits().rate else {
            return Verdict::Admitted;
        };
        if count == 0 {
            return Verdict::Busy;
        }
        self.forget_past(now);
        match self.window.as_ref().and_then(|window| window.fewer_than(count)) {
            Some(ends) => Verdict::NotBefore(ends),
            None => Verdict::Admitted,
        }
    }

    /// One begins. It was admitted.
    pub(crate) fn begin(&mut self, now: Now) {
        self.running += 1;
        if let Some(Rate { count, period_ms }) = self.limits().rate {
            self.forget_past(now);
            self.window.get_or_insert_default().begin(now, count, period_ms);
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
        let ends = self.limits().rate.map(|rate| began_ms.saturating_add(rate.period_ms));
        ends.zip(self.window.as_mut()).is_some_and(|(ends, window)| window.give_back(ends))
    }

    /// How many began within the period; what is stored, so that a restart frees no window.
    pub(crate) fn used(&self) -> u32 {
        self.window.as_ref().map_or(0, |window| window.count())
    }

    /// What is known after a restart, on the safe side: so many began as late as the last of them.
    pub(crate) fn restore(&mut self, used: u32, ends_ms: u64) {
        self.window = Some(Box::new(Window::of(used, ends_ms)));
    }

    /// When it has nothing to remember any more, if that is not now.
    pub(crate) fn remembers_until(&mut self, now: Now) -> Option<u64> {
        self.forget_past(now);
        self.window.as_ref().and_then(|window| window.ends_ms())
    }

    fn forget_past(&mut self, now: Now) {
        if let Some(window) = &mut self.window {
            window.forget_past(now);
            if window.ends_ms().is_none() {
                self.window = None;
            }
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
        limiter.set_limits(Limits::default());
        assert_eq!(limiter.remembers_until(at(1)), Some(100));
        assert_eq!(limiter.remembers_until(at(100)), None);
    }
}
