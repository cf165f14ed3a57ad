//! How a job is to be treated. What a caller leaves out, the function's attribute says, and what that
//! leaves out, the worker's defaults.

use super::lists;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Every option is optional; times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOptions {
    /// `default` where nobody says.
    pub queue: Option<String>,
    /// From now, whatever the clock does meanwhile.
    pub delay_ms: Option<u64>,
    /// Since 1970, by the clock. Instead of a delay.
    pub run_at_ms: Option<u64>,
    /// Higher ones first; one step is worth a bounded time of waiting, so that none starves.
    pub priority: Option<i8>,
    /// How often it may run before it is dead; executors that died under it are counted apart.
    pub attempts: Option<u16>,
    /// How many executors may die under it before it is put away as poison.
    pub crash_attempts: Option<u16>,
    pub backoff: Option<Backoff>,
    /// Longest an attempt may take.
    pub timeout_ms: Option<u32>,
    /// From now: dead if it has not begun by then.
    pub expires_ms: Option<u64>,
    pub unique: Option<Unique>,
    /// Jobs of one group run in the order in which they came, one at a time.
    pub group: Option<String>,
    /// A limit that this job shares with others of the same key.
    pub limit: Option<Box<KeyLimit>>,
    /// Most attempts of the function at a time on this worker.
    pub concurrency: Option<u32>,
    /// Most attempts of the function in a time on this worker.
    pub rate: Option<Rate>,
    #[serde(deserialize_with = "lists::tags")]
    pub tags: Vec<String>,
    /// The same key again gives the job that it first made, for a time that the worker sets; the job
    /// sees it, the same in every attempt.
    pub idempotency_key: Option<String>,
    /// How long the job can be asked for when it is done, with its result.
    pub keep_ms: Option<u64>,
}

/// How long to wait after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backoff {
    Fixed(u64),
    /// One after the other; the last one for all further ones. Never empty.
    List(#[serde(deserialize_with = "lists::pauses")] Vec<u64>),
    /// `base_ms`, twice that, and so on up to `max_ms`; of each, up to `jitter_percent` less, at random.
    Exponential {
        base_ms: u64,
        max_ms: u64,
        jitter_percent: u8,
    },
}

impl Backoff {
    /// The pause after the `failures`th failure, which is the first at 1. `random` is uniform in 0..=u32::MAX.
    pub fn pause_ms(&self, failures: u16, random: u32) -> u64 {
        match self {
            Self::Fixed(pause) => *pause,
            Self::List(pauses) => {
                let index =
                    usize::from(failures.saturating_sub(1)).min(pauses.len().saturating_sub(1));
                pauses.get(index).copied().unwrap_or(0)
            }
            Self::Exponential { base_ms, max_ms, jitter_percent } => {
                let doublings = u32::from(failures.saturating_sub(1)).min(62);
                let pause = base_ms.saturating_mul(1 << doublings).min(*max_ms);
                let share = u128::from(pause) * u128::from((*jitter_percent).min(100)) / 100;
                let less = share * u128::from(random) / u128::from(u32::MAX);
                pause - u64::try_from(less).expect("less than the pause")
            }
        }
    }
}

/// At most one job of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    pub key: String,
    pub mode: UniqueMode,
    /// Of [`UniqueMode::Debounce`] and [`UniqueMode::Throttle`].
    pub window_ms: u64,
}

/// What becomes of a second job of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UniqueMode {
    /// It is refused while the first waits or runs.
    Reject,
    /// The first one's id is returned while that waits or runs.
    Existing,
    /// It takes the place of the first while that waits; while that runs, it waits for its end.
    Replace,
    /// It takes the place of the first while that waits, and waits for the whole window anew.
    Debounce,
    /// The first one's id is returned until the window after it was made is over.
    Throttle,
    /// While the first runs, one more may wait; its id is returned to all further ones.
    OnceMore,
}

/// A limit over all jobs that name the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLimit {
    pub key: String,
    pub concurrency: Option<u32>,
    pub rate: Option<Rate>,
}

/// At most `count` in any `period_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub count: u32,
    pub period_ms: u64,
}

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is no rate: those are a count and a time, as in 100/60s, 5000/h or 10/min")]
pub struct InvalidRate(pub String);

/// Units of a rate's period, the longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// As it is read, in the longest unit.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, period_ms } = *self;
        let fits = |(_, ms): &&(&str, u64)| period_ms.is_multiple_of(*ms);
        let (unit, ms) = UNITS.iter().find(fits).copied().unwrap_or(("ms", 1));
        match period_ms / ms {
            1 => write!(f, "{count}/{unit}"),
            periods => write!(f, "{count}/{periods}{unit}"),
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    /// `100/60s`: a count, and a number of `ms`, `s`, `min`, `h` or `d`, which may be left out when
    /// it is one.
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let invalid = || InvalidRate(text.chars().take(64).collect());
        let (count, period) = text.split_once('/').ok_or_else(invalid)?;
        let digits = period.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = period.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, unit_ms) = *unit.ok_or_else(invalid)?;
        let number: u64 =
            if number.is_empty() { 1 } else { number.parse().map_err(|_| invalid())? };
        let period_ms = number.checked_mul(unit_ms).filter(|ms| *ms > 0).ok_or_else(invalid)?;
        let well_formed = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|count| *count > 0 && well_formed);
        Ok(Self { count: count.ok_or_else(invalid)?, period_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_time() {
        for (text, count, period_ms) in [
            ("100/60s", 100, 60_000),
            ("5000/h", 5000, 3_600_000),
            ("1/250ms", 1, 250),
            ("10/2min", 10, 120_000),
            ("7/d", 7, 86_400_000),
        ] {
            assert_eq!(text.parse(), Ok(Rate { count, period_ms }), "{text}");
        }
        for text in [
            "",
            "100",
            "0/s",
            "+1/s",
            "1/0s",
            "1/s s",
            "1/-1s",
            "/s",
            "1/",
            "1/60",
            "1/99999999999999999d",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate(text.to_owned())));
        }
    }

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        for text in ["100/min", "5000/h", "1/250ms", "10/90s", "7/d", "1/s"] {
            assert_eq!(text.parse().map(|rate: Rate| rate.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_list_ends_with_its_last_pause() {
        let backoff = Backoff::List(vec![1, 10, 60]);
        let pauses: Vec<u64> = (1..=5).map(|n| backoff.pause_ms(n, 0)).collect();
        assert_eq!(pauses, [1, 10, 60, 60, 60]);
    }

    #[test]
    fn an_exponential_one_doubles_up_to_its_bound_less_jitter() {
        let backoff = Backoff::Exponential { base_ms: 100, max_ms: 1000, jitter_percent: 50 };
        let longest: Vec<u64> = (1..=6).map(|n| backoff.pause_ms(n, 0)).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.pause_ms(6, u32::MAX), 500);
        assert_eq!(backoff.pause_ms(u16::MAX, 0), 1000);
    }
}
