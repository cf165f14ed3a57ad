//! How long to watch a connection for its next call before going to sleep.
//!
//! Waking a sleeping core costs tens of microseconds, so watching pays if the next call follows at
//! once; if it does not, the time is lost to others. So: watch while it has paid, and after it has
//! not, skip it for twice as many calls each time.

/// Doublings at most: 1 call in 64 tries again.
const DOUBLINGS_MAX: u32 = 6;

#[derive(Debug)]
pub(super) struct Patience {
    limit_us: u32,
    failures: u32,
    skip: u32,
}

impl Patience {
    /// `limit_us` 0 = never watch.
    pub(super) fn new(limit_us: u32) -> Self {
        Self { limit_us, failures: 0, skip: 0 }
    }

    /// Microseconds to watch after this call.
    pub(super) fn take_us(&mut self) -> u32 {
        if self.skip > 0 {
            self.skip -= 1;
            return 0;
        }
        self.limit_us
    }

    pub(super) fn paid(&mut self) {
        self.failures = 0;
    }

    pub(super) fn wasted(&mut self) {
        self.failures = (self.failures + 1).min(DOUBLINGS_MAX);
        // The first failure is free: one pause says little.
        self.skip = (1 << self.failures) - 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_goes_on_while_it_pays_and_becomes_rare_when_it_does_not() {
        let mut patience = Patience::new(50);
        for _ in 0..100 {
            assert_eq!(patience.take_us(), 50);
            patience.paid();
        }
        let mut watched = 0;
        for _ in 0..1000 {
            if patience.take_us() > 0 {
                watched += 1;
                patience.wasted();
            }
        }
        assert!(watched < 30, "{watched}");
    }

    #[test]
    fn a_limit_of_zero_never_watches() {
        assert_eq!(Patience::new(0).take_us(), 0);
    }
}
