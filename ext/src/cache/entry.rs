//! A kept result: until when it is good, and what ends it before.

use super::Guards;

/// How early a result may expire, as a divisor of its time: so those that were kept at one moment do not all
/// expire at one.
const JITTER_PART: u64 = 20;

/// See the module. Times are in milliseconds of a steady clock.
#[derive(Debug)]
pub(crate) struct Entry<V> {
    pub(super) value: V,
    pub(super) bytes: usize,
    /// The PHP request in which it was given last; 0 = in none.
    pub(super) given_in: u64,
    kept_ms: u64,
    expires_ms: u64,
    /// How long it took to get it.
    took_ms: f64,
    guards: Guards,
}

/// What an entry is worth to whoever asks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    Good,
    /// Its time is over.
    Expired,
    /// Its time is not over, but this caller is the one who gets it anew, so that not all do at its end.
    Early,
    /// Something of it was invalidated since its call was sent.
    Invalidated,
    /// It is older than the caller wants it.
    TooOld,
}

impl<V> Entry<V> {
    /// `chance` from 0 to 1 decides by how much it expires early.
    pub(super) fn new(
        (value, bytes): (V, usize),
        ttl_ms: u64,
        (sent_ms, now_ms): (u64, u64),
        guards: Guards,
        chance: f64,
    ) -> Self {
        let early = (ttl_ms / JITTER_PART) as f64 * chance;
        let expires_ms = sent_ms.saturating_add(ttl_ms.saturating_sub(early as u64));
        let took_ms = now_ms.saturating_sub(sent_ms) as f64;
        let given_in = 0;
        Self { value, bytes, given_in, kept_ms: sent_ms, expires_ms, took_ms, guards }
    }

    /// `chance` is drawn anew each time, above 0 and at most 1. The early refresh is XFetch (Vattani,
    /// Chierichetti, Lowenstein: "Optimal probabilistic cache stampede prevention", VLDB 2015), with beta 1.
    pub(super) fn worth(
        &self,
        now_ms: u64,
        max_age_ms: Option<u64>,
        chance: f64,
        count: impl Fn(u16) -> Option<u64>,
    ) -> Worth {
        if now_ms >= self.expires_ms {
            return Worth::Expired;
        }
        if max_age_ms.is_some_and(|max| self.age_ms(now_ms) > max) {
            return Worth::TooOld;
        }
        if !self.guards.hold(count) {
            return Worth::Invalidated;
        }
        let early_ms = -self.took_ms * chance.ln();
        if now_ms as f64 + early_ms >= self.expires_ms as f64 {
            return Worth::Early;
        }
        Worth::Good
    }

    /// Since its call was sent.
    pub(super) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.kept_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ttl_ms: u64, took_ms: u64, chance: f64) -> Entry<()> {
        Entry::new(((), 0), ttl_ms, (1000, 1000 + took_ms), Guards::new([(3, 7)]), chance)
    }

    fn worth(entry: &Entry<()>, now_ms: u64, chance: f64) -> Worth {
        entry.worth(now_ms, None, chance, |_| Some(7))
    }

    #[test]
    fn its_time_counts_from_when_it_was_asked_for() {
        let entry = entry(500, 100, 0.0);
        assert_eq!(worth(&entry, 1100, 1.0), Worth::Good);
        assert_eq!(worth(&entry, 1499, 1.0), Worth::Good);
        assert_eq!(worth(&entry, 1500, 1.0), Worth::Expired);
    }

    #[test]
    fn it_expires_up_to_a_twentieth_early() {
        let entry = entry(1000, 0, 1.0);
        assert_eq!(worth(&entry, 1949, 1.0), Worth::Good);
        assert_eq!(worth(&entry, 1950, 1.0), Worth::Expired);
    }

    #[test]
    fn what_takes_long_is_got_anew_before_its_end() {
        let slow = entry(1000, 100, 0.0);
        // exp(-1): as long before the end as it takes.
        let chance = (-1.0_f64).exp();
        assert_eq!(worth(&slow, 1899, chance), Worth::Good);
        assert_eq!(worth(&slow, 1901, chance), Worth::Early);
        assert_eq!(worth(&slow, 1901, 1.0), Worth::Good);
        let quick = entry(1000, 0, 0.0);
        assert_eq!(worth(&quick, 1999, 1e-300), Worth::Good);
    }

    #[test]
    fn invalidation_and_age_end_it() {
        let entry = entry(1000, 0, 0.0);
        let changed = entry.worth(1001, None, 1.0, |slot| Some(7 + u64::from(slot == 3)));
        assert_eq!(changed, Worth::Invalidated);
        assert_eq!(entry.worth(1001, None, 1.0, |_| None), Worth::Invalidated);
        assert_eq!(entry.worth(1100, Some(100), 1.0, |_| Some(7)), Worth::Good);
        assert_eq!(entry.worth(1101, Some(100), 1.0, |_| Some(7)), Worth::TooOld);
    }
}
