//! Which requests a release on trial gets.

use proptest::prelude::*;
use protocol::{Canary, ReleaseId, Routing};

fn canary(release: u64, basis_points: u16) -> Canary {
    Canary { release: ReleaseId(release), number: 2, basis_points }
}

/// Every version of every client has to decide alike.
#[test]
fn golden_keys() {
    let canary = canary(0x0123_4567_89ab_cdef, 2_500);
    let taken: Vec<u32> =
        (0..40).filter(|key: &u32| canary.takes(key.to_string().as_bytes())).collect();
    assert_eq!(taken, [0, 3, 9, 11, 14, 19, 23, 25, 26, 30, 34, 37]);
}

#[test]
fn the_share_is_what_it_says() {
    for basis_points in [1, 100, 1_000, 5_000, 9_999] {
        let canary = canary(7, basis_points);
        let taken = (0..100_000u32).filter(|key| canary.takes(&key.to_le_bytes())).count();
        let expected = f64::from(basis_points) * 10.0;
        // Four standard deviations of the binomial distribution.
        let margin = 4.0 * (expected * (1.0 - expected / 100_000.0)).sqrt();
        assert!((taken as f64 - expected).abs() <= margin, "{basis_points}: {taken}");
    }
}

proptest! {
    #[test]
    fn none_and_all_are_exact(release: u64, key: Vec<u8>) {
        prop_assert!(!canary(release, 0).takes(&key));
        prop_assert!(canary(release, 10_000).takes(&key));
    }

    #[test]
    fn a_key_that_is_taken_stays_while_the_share_grows(
        release: u64,
        key: Vec<u8>,
        less in 0u16..=10_000,
        more in 0u16..=10_000,
    ) {
        prop_assume!(less <= more);
        prop_assert!(!canary(release, less).takes(&key) || canary(release, more).takes(&key));
    }

    #[test]
    fn who_is_not_taken_goes_to_the_current_release(key: Vec<u8>, basis_points in 0u16..=10_000) {
        let canary = canary(9, basis_points);
        let routing =
            Routing { current: ReleaseId(8), canary: Some(canary), ..Routing::default() };
        let expected = if canary.takes(&key) { 9 } else { 8 };
        prop_assert_eq!(routing.choose(&key), ReleaseId(expected));
    }
}
