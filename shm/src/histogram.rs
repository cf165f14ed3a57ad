//! Buckets of a latency histogram: four per power of two, from 1 µs up; relative error below 19 %.

/// Number of buckets: 0..4 µs singly, then four per octave up to more than an hour.
pub const BUCKETS: usize = 124;

/// Bucket of a duration in nanoseconds.
pub fn bucket(nanoseconds: u64) -> usize {
    let us = nanoseconds / 1000;
    if us < 4 {
        return us as usize;
    }
    let octave = us.ilog2() as usize;
    let quarter = ((us >> (octave - 2)) & 3) as usize;
    ((octave - 1) * 4 + quarter).min(BUCKETS - 1)
}

/// Upper bound of a bucket in microseconds.
pub fn upper_us(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64 + 1;
    }
    let octave = bucket / 4 + 1;
    let quarter = (bucket % 4) as u64;
    (4 + quarter + 1) << (octave - 2)
}

/// The duration, in microseconds, that the fraction `q` (0 to 1) of `counts` does not exceed;
/// `None` when nothing was counted.
pub fn quantile_us(counts: &[u64], q: f64) -> Option<u64> {
    let total: u64 = counts.iter().sum();
    let wanted = (total as f64 * q).ceil().max(1.0) as u64;
    let mut seen = 0;
    counts.iter().enumerate().find_map(|(bucket, count)| {
        seen += count;
        (total > 0 && seen >= wanted).then(|| upper_us(bucket))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_below_the_bound_of_its_bucket_and_not_below_the_one_before() {
        for us in (0..100_000).chain([1 << 20, (1 << 31) - 1, 1 << 31]) {
            let bucket = bucket(us * 1000);
            assert!(us < upper_us(bucket), "{us} µs in bucket {bucket}");
            assert!(bucket == 0 || us >= upper_us(bucket - 1), "{us} µs in bucket {bucket}");
        }
    }

    #[test]
    fn anything_longer_than_the_last_bound_is_counted_in_the_last_bucket() {
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_nothing_are_nothing_and_of_one_are_that_one() {
        assert_eq!(quantile_us(&[0; BUCKETS], 0.5), None);
        let mut counts = [0; BUCKETS];
        counts[bucket(7_000)] = 1;
        assert_eq!(quantile_us(&counts, 0.5), Some(8));
        assert_eq!(quantile_us(&counts, 0.99), Some(8));
    }
}
