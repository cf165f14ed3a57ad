//! What waits: jobs of many kinds.

use protocol::{JobOptions, KeyLimit, Rate, Unique, UniqueMode};

/// Options of a job, by its number.
pub(crate) type Options = fn(usize) -> JobOptions;

/// A queue with a limit, and one that is paused.
pub(crate) const NARROW: &str = "narrow";
pub(crate) const PAUSED: &str = "paused";

/// By name: what each costs in memory.
pub(crate) const SHAPES: [(&str, Options); 10] = [
    ("plain", plain),
    ("of 16 priorities", of_priorities),
    ("delayed", delayed),
    ("expiring", expiring),
    ("in groups of ten", in_groups),
    ("a group each", a_group_each),
    ("a unique key each", a_key_each),
    ("a throttle each", a_throttle_each),
    ("a limit each", a_limit_each),
    ("a rate each", a_rate_each),
];

pub(crate) fn plain(_: usize) -> JobOptions {
    JobOptions::default()
}

pub(crate) fn of_priorities(at: usize) -> JobOptions {
    let priority = i8::try_from(at % 16).ok();
    JobOptions { priority, ..JobOptions::default() }
}

pub(crate) fn delayed(at: usize) -> JobOptions {
    JobOptions {
        delay_ms: Some(3_600_000 + (at as u64 * 7919) % 3_600_000),
        ..JobOptions::default()
    }
}

fn expiring(_: usize) -> JobOptions {
    JobOptions { expires_ms: Some(3_600_000), ..JobOptions::default() }
}

pub(crate) fn in_groups(at: usize) -> JobOptions {
    a_group_each(at / 10)
}

pub(crate) fn a_group_each(at: usize) -> JobOptions {
    JobOptions { group: Some(format!("customer {at}")), ..JobOptions::default() }
}

fn a_key_each(at: usize) -> JobOptions {
    unique(at, UniqueMode::Replace, 0)
}

fn a_throttle_each(at: usize) -> JobOptions {
    unique(at, UniqueMode::Throttle, 3_600_000)
}

fn unique(at: usize, mode: UniqueMode, window_ms: u64) -> JobOptions {
    let unique = Unique { key: format!("customer {at}"), mode, window_ms };
    JobOptions { unique: Some(unique), ..JobOptions::default() }
}

pub(crate) fn a_limit_each(at: usize) -> JobOptions {
    limit(at, Some(1), None)
}

fn a_rate_each(at: usize) -> JobOptions {
    limit(at, None, Some(Rate { count: 5000, period_ms: 3_600_000 }))
}

fn limit(at: usize, concurrency: Option<u32>, rate: Option<Rate>) -> JobOptions {
    let limit = KeyLimit { key: format!("customer {at}"), concurrency, rate };
    JobOptions { limit: Some(Box::new(limit)), ..JobOptions::default() }
}

pub(crate) fn narrow(at: usize) -> JobOptions {
    JobOptions { queue: Some(NARROW.to_owned()), ..a_limit_each(at) }
}

pub(crate) fn paused(_: usize) -> JobOptions {
    JobOptions { queue: Some(PAUSED.to_owned()), ..JobOptions::default() }
}
