//! Percentiles of one round, medians over rounds.

use serde::{Deserialize, Serialize};

/// Durations of calls, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) samples: u64,
    pub(crate) min_ns: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p90_ns: u64,
    pub(crate) p99_ns: u64,
}

impl Latency {
    /// Of all samples of one round, in any order; `None` when there are none.
    pub(crate) fn of_samples(mut samples: Vec<u64>) -> Option<Self> {
        samples.sort_unstable();
        Some(Self {
            samples: u64::try_from(samples.len()).unwrap_or(u64::MAX),
            min_ns: *samples.first()?,
            p50_ns: percentile(&samples, 50)?,
            p90_ns: percentile(&samples, 90)?,
            p99_ns: percentile(&samples, 99)?,
        })
    }

    /// The median of each figure over rounds; `samples` is the sum, `min_ns` the least.
    pub(crate) fn median_of(rounds: &[Self]) -> Option<Self> {
        let median_by = |figure: fn(&Self) -> u64| median(rounds.iter().map(figure).collect());
        Some(Self {
            samples: rounds.iter().map(|round| round.samples).sum(),
            min_ns: rounds.iter().map(|round| round.min_ns).min()?,
            p50_ns: median_by(|round| round.p50_ns)?,
            p90_ns: median_by(|round| round.p90_ns)?,
            p99_ns: median_by(|round| round.p99_ns)?,
        })
    }
}

/// Nearest-rank percentile: the least sample that is not below `percent` % of all of them.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The middle value; of an even number of values, the lower of the two in the middle, so that the
/// result is one that was measured.
pub(crate) fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    percentile(&values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let latency = Latency::of_samples((1..=100).rev().collect()).expect("samples");
        assert_eq!(
            latency,
            Latency { samples: 100, min_ns: 1, p50_ns: 50, p90_ns: 90, p99_ns: 99 }
        );
    }

    #[test]
    fn one_sample_is_every_percentile() {
        let latency = Latency::of_samples(vec![7]).expect("a sample");
        assert_eq!(latency, Latency { samples: 1, min_ns: 7, p50_ns: 7, p90_ns: 7, p99_ns: 7 });
    }

    #[test]
    fn the_slowest_of_few_samples_is_their_p99() {
        let latency = Latency::of_samples(vec![10, 20, 30, 40, 1000]).expect("samples");
        assert_eq!((latency.p50_ns, latency.p90_ns, latency.p99_ns), (30, 1000, 1000));
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(Latency::of_samples(vec![]), None);
        assert_eq!(Latency::median_of(&[]), None);
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn medians_over_rounds_ignore_one_disturbed_round() {
        let quiet =
            |p50_ns| Latency { samples: 10, min_ns: p50_ns - 1, p50_ns, p90_ns: 20, p99_ns: 30 };
        let disturbed =
            Latency { samples: 10, min_ns: 500, p50_ns: 900, p90_ns: 9000, p99_ns: 90000 };
        let median = Latency::median_of(&[quiet(11), disturbed, quiet(9)]).expect("rounds");
        assert_eq!(median, Latency { samples: 30, min_ns: 8, p50_ns: 11, p90_ns: 20, p99_ns: 30 });
    }

    #[test]
    fn the_median_of_two_is_the_lower() {
        assert_eq!(median(vec![4, 2]), Some(2));
    }
}
