//! How long to watch a connection for its next call before going to sleep.
//!
//! Waking a sleeping core costs tens of microseconds, so watching pays if the next call follows at
//! once. If it does not, watching only delays the sleep, and its time is lost to others. What a
//! connection did last is the best guess at what it does next: so watch one whose calls follow each
//! other closely; and where that guess was wrong, leave it for twice as many calls each time.

use super::clock::NS_PER_US;
use super::connections::Connection;

/// Doublings at most: 1 call in 64 tries again.
const DOUBLINGS_MAX: u32 = 6;
/// A pause of so many times the limit is still taken for a sign of haste: without watching, a pause
/// is seen with the time that it took to wake up.
const HASTE: u64 = 4;

#[derive(Debug)]
pub(super) struct Patience {
    limit_us: u32,
    failures: u32,
    skip: u32,
    /// By slot.
    paces: Vec<Pace>,
}

/// What is known of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    generation: u32,
    /// 0 = nothing is known.
    answered_ns: u64,
    slow: bool,
}

impl Patience {
    /// `limit_us` 0 = never watch.
    pub(super) fn new(limit_us: u32) -> Self {
        Self { limit_us, failures: 0, skip: 0, paces: Vec::new() }
    }

    /// Microseconds to watch after this call.
    pub(super) fn take_us(&mut self, connection: Connection) -> u32 {
        if self.limit_us == 0 || self.pace(connection).slow {
            return 0;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return 0;
        }
        self.limit_us
    }

    /// A call has come.
    pub(super) fn came(&mut self, connection: Connection, now_ns: u64) {
        let haste_ns = HASTE * u64::from(self.limit_us) * NS_PER_US;
        let pace = self.pace(connection);
        pace.slow = pace.answered_ns != 0 && now_ns - pace.answered_ns > haste_ns;
    }

    /// It was answered.
    pub(super) fn answered(&mut self, connection: Connection, now_ns: u64) {
        self.pace(connection).answered_ns = now_ns;
    }

    pub(super) fn paid(&mut self) {
        self.failures = 0;
    }

    pub(super) fn wasted(&mut self) {
        self.failures = (self.failures + 1).min(DOUBLINGS_MAX);
        // The first failure is free: one pause says little.
        self.skip = (1 << self.failures) - 2;
    }

    fn pace(&mut self, connection: Connection) -> &mut Pace {
        let slot = connection.index();
        if self.paces.len() <= slot {
            self.paces.resize(slot + 1, Pace::default());
        }
        let pace = &mut self.paces[slot];
        if pace.generation != connection.generation {
            *pace = Pace { generation: connection.generation, ..Pace::default() };
        }
        pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Connection = Connection { slot: 0, generation: 1 };
    const OTHER: Connection = Connection { slot: 3, generation: 1 };

    #[test]
    fn watching_goes_on_while_it_pays_and_becomes_rare_when_it_does_not() {
        let mut patience = Patience::new(50);
        for _ in 0..100 {
            assert_eq!(patience.take_us(ONE), 50);
            patience.paid();
        }
        let mut watched = 0;
        for _ in 0..1000 {
            if patience.take_us(ONE) > 0 {
                watched += 1;
                patience.wasted();
            }
        }
        assert!(watched < 30, "{watched}");
    }

    #[test]
    fn a_connection_whose_calls_come_apart_is_not_watched_until_it_hurries() {
        let mut patience = Patience::new(50);
        patience.came(ONE, 1_000);
        patience.answered(ONE, 2_000);
        assert_eq!(patience.take_us(ONE), 50, "nothing is known yet");
        patience.came(ONE, 1_000_000);
        patience.answered(ONE, 1_001_000);
        assert_eq!(patience.take_us(ONE), 0);
        assert_eq!(patience.take_us(OTHER), 50, "another one may hurry");
        patience.came(ONE, 1_101_000);
        assert_eq!(patience.take_us(ONE), 50);
    }

    #[test]
    fn the_next_user_of_a_slot_is_someone_else() {
        let mut patience = Patience::new(50);
        patience.answered(ONE, 2_000);
        patience.came(ONE, 1_000_000);
        assert_eq!(patience.take_us(Connection { generation: 2, ..ONE }), 50);
    }

    #[test]
    fn a_limit_of_zero_never_watches() {
        assert_eq!(Patience::new(0).take_us(ONE), 0);
    }
}
