//! What began within the last period of a rate, in bounded memory.

use crate::clock::Now;
use std::collections::VecDeque;

/// So many that began are remembered one by one; of more, those that began within a 64th of the period of
/// one another count as one moment, the latest: never more than the rate, and at worst 1.6 % less.
const MOMENTS: u32 = 64;
/// Most moments, whatever rates there were before.
const MOMENTS_MAX: usize = 2 * MOMENTS as usize;

/// Moments at which some of those that began count no more, by the steady clock, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    moments: VecDeque<Moment>,
    /// Of all moments.
    count: u32,
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    /// When the first of them would count no more, if it had begun alone.
    first_ends_ms: u64,
    /// When all of them do.
    ends_ms: u64,
    count: u32,
}

impl Window {
    /// So many ended at one moment.
    pub(crate) fn of(count: u32, ends_ms: u64) -> Self {
        let moment = Moment { first_ends_ms: ends_ms, ends_ms, count };
        Self { moments: VecDeque::from([moment]), count }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// One begins.
    pub(crate) fn begin(&mut self, now: Now, most: u32, period_ms: u64) {
        let ends_ms = now.steady_ms.saturating_add(period_ms);
        // A period that became shorter lets none count less long than those before it.
        let ends_ms = self.ends_ms().map_or(ends_ms, |last| ends_ms.max(last));
        self.count = self.count.saturating_add(1);
        let together_ms = if most > MOMENTS { period_ms / u64::from(MOMENTS) } else { 0 };
        let full = self.moments.len() >= MOMENTS_MAX;
        match self.moments.back_mut() {
            Some(last) if full || last.first_ends_ms.saturating_add(together_ms) >= ends_ms => {
                last.ends_ms = ends_ms;
                last.count = last.count.saturating_add(1);
            }
            _ => {
                self.moments.push_back(Moment { first_ends_ms: ends_ms, ends_ms, count: 1 });
            }
        }
    }

    /// One that would have ended at that time is taken back. Under another rate than now it had another
    /// end, or one with those before it: then it may be left.
    pub(crate) fn give_back(&mut self, ends_ms: u64) -> bool {
        let is_of = |moment: &Moment| (moment.first_ends_ms..=moment.ends_ms).contains(&ends_ms);
        let Some(place) = self.moments.iter().position(is_of) else {
            return false;
        };
        self.count -= 1;
        self.moments[place].count -= 1;
        if self.moments[place].count == 0 {
            self.moments.remove(place);
        }
        true
    }

    /// When there are fewer than so many, if that is not now.
    pub(crate) fn fewer_than(&self, most: u32) -> Option<u64> {
        let mut over = (self.count + 1).checked_sub(most).filter(|over| *over > 0)?;
        for moment in &self.moments {
            match over.checked_sub(moment.count) {
                Some(left) if left > 0 => over = left,
                _ => return Some(moment.ends_ms),
            }
        }
        None
    }

    /// When there is nothing to remember, if that is not now.
    pub(crate) fn ends_ms(&self) -> Option<u64> {
        self.moments.back().map(|moment| moment.ends_ms)
    }

    pub(crate) fn forget_past(&mut self, now: Now) {
        while let Some(moment) = self.moments.front().filter(|m| m.ends_ms <= now.steady_ms) {
            self.count -= moment.count;
            self.moments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(steady_ms: u64) -> Now {
        Now { wall_ms: 0, steady_ms }
    }

    /// Begins as many as it may, as soon as it may, with these pauses between; says when each began.
    fn begun(most: u32, period_ms: u64, pauses: &[u64]) -> (Vec<u64>, usize) {
        let (mut window, mut now, mut begun, mut largest) = (Window::default(), 0, Vec::new(), 0);
        for pause in pauses {
            now += pause;
            window.forget_past(at(now));
            while let Some(later) = window.fewer_than(most) {
                assert!(later > now, "it waits for what is over");
                now = later;
                window.forget_past(at(now));
            }
            window.begin(at(now), most, period_ms);
            largest = largest.max(window.moments.len());
            begun.push(now);
        }
        (begun, largest)
    }

    proptest! {
        #[test]
        fn never_more_in_any_period_and_no_more_memory(
            most in 1u32..400,
            period_ms in 1u64..5000,
            pauses in prop::collection::vec(prop_oneof![4 => Just(0), 1 => 0u64..40], 1..1500),
        ) {
            let (begun, largest) = begun(most, period_ms, &pauses);
            for pair in begun.windows(most as usize + 1) {
                prop_assert!(pair[most as usize] >= pair[0] + period_ms, "{:?}", pair);
            }
            prop_assert!(largest <= MOMENTS as usize + 2, "{largest} moments");
        }

        #[test]
        fn a_64th_less_at_worst(most in 65u32..400, period_ms in 64u64..5000) {
            // As fast as it may for ten periods.
            let (begun, _) = begun(most, period_ms, &vec![0; most as usize * 10]);
            let took = begun[begun.len() - 1];
            prop_assert!(took <= 9 * (period_ms + period_ms / 64 + 1), "{took} of {period_ms}");
        }

        #[test]
        fn few_are_remembered_exactly(
            most in 1u32..=64,
            pauses in prop::collection::vec(0u64..30, 1..300),
        ) {
            let (begun, _) = begun(most, 1000, &pauses);
            let mut exact: Vec<u64> = Vec::new();
            let mut now = 0;
            for pause in &pauses {
                let free = exact.len().checked_sub(most as usize).map_or(0, |at| exact[at] + 1000);
                now = (now + pause).max(free);
                exact.push(now);
            }
            prop_assert_eq!(begun, exact);
        }
    }

    #[test]
    fn other_rates_before_cost_no_more_memory() {
        let mut window = Window::default();
        for now in 0..10_000 {
            window.begin(at(now), 60, 1_000_000);
        }
        assert_eq!((window.moments.len(), window.count()), (MOMENTS_MAX, 10_000));
        assert_eq!(window.fewer_than(60), window.ends_ms());
        window.forget_past(at(1_009_999));
        assert_eq!((window.count(), window.ends_ms()), (0, None));
    }
}
