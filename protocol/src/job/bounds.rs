//! What options of jobs may be. Clients refuse by this table what is wrong before anything is sent, and
//! workers what is sent nevertheless.

use super::options::{Backoff, JobOptions, Rate, UniqueMode};
use thiserror::Error;

/// An option that makes no sense. `reason` begins with "must".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{option} {reason}")]
pub struct BadOption {
    pub option: &'static str,
    pub reason: String,
}

impl JobOptions {
    /// Longest name of a queue, in bytes.
    pub const QUEUE_BYTES_MAX: usize = 64;
    /// Longest key of any kind, in bytes.
    pub const KEY_BYTES_MAX: usize = 255;
    /// Most tags of a job, and longest one in bytes.
    pub const TAGS_MAX: usize = 16;
    pub const TAG_BYTES_MAX: usize = 64;
    /// Ten years: what is asked for beyond is a mistake in units.
    pub const TIME_MS_MAX: u64 = 10 * 365 * 24 * 3600 * 1000;
    /// Most pauses of a list.
    pub const PAUSES_MAX: usize = 100;

    /// The first option that cannot be.
    pub fn check(&self) -> Result<(), BadOption> {
        self.check_queue()?;
        self.check_times()?;
        for (option, count) in [("attempts", self.attempts), ("crashAttempts", self.crash_attempts)]
        {
            if count == Some(0) {
                return Err(bad(option, format!("must be from 1 to {}", u16::MAX)));
            }
        }
        self.check_keys()?;
        self.check_limit()?;
        self.check_tags()
    }

    /// Why a text is no key, if it is none.
    pub fn check_key(key: &str) -> Result<(), String> {
        let fits = (1..=Self::KEY_BYTES_MAX).contains(&key.len()) && !key.contains('\0');
        let reason = || format!("must be 1 to {} bytes, none of them zero", Self::KEY_BYTES_MAX);
        fits.then_some(()).ok_or_else(reason)
    }

    /// Whether a queue can have that name.
    pub fn can_name_queue(name: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        (1..=Self::QUEUE_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
    }

    fn check_queue(&self) -> Result<(), BadOption> {
        if self.queue.as_deref().is_none_or(Self::can_name_queue) {
            return Ok(());
        }
        let most = Self::QUEUE_BYTES_MAX;
        Err(bad("queue", format!("must be 1 to {most} of a-z, A-Z, 0-9, _, -, . and :")))
    }

    fn check_times(&self) -> Result<(), BadOption> {
        if self.delay_ms.is_some() && self.run_at_ms.is_some() {
            return Err(bad("delay", "must not be given beside runAt"));
        }
        let window = self.unique.as_ref().map(|unique| unique.window_ms);
        for (option, time) in [
            ("delay", self.delay_ms),
            ("expires", self.expires_ms),
            ("keep", self.keep_ms),
            ("unique", window),
        ] {
            if time.is_some_and(|ms| ms > Self::TIME_MS_MAX) {
                return Err(bad(option, format!("must be {}", Self::times())));
            }
        }
        match &self.backoff {
            Some(backoff) => backoff.check(),
            None => Ok(()),
        }
    }

    fn check_keys(&self) -> Result<(), BadOption> {
        for (option, key) in [
            ("unique", self.unique.as_ref().map(|unique| &unique.key)),
            ("group", self.group.as_ref()),
            ("limit", self.limit.as_ref().map(|limit| &limit.key)),
            ("idempotencyKey", self.idempotency_key.as_ref()),
        ] {
            if let Some(Err(reason)) = key.map(|key| Self::check_key(key)) {
                return Err(bad(option, reason));
            }
        }
        match &self.unique {
            Some(unique) if unique.window_ms == 0 && unique.mode.has_window() => {
                Err(bad("unique", "must have a window to debounce or throttle by"))
            }
            _ => Ok(()),
        }
    }

    fn check_limit(&self) -> Result<(), BadOption> {
        let Some(limit) = &self.limit else {
            return Ok(());
        };
        if limit.concurrency == Some(0) {
            return Err(bad("limit", "must have a concurrency of at least 1"));
        }
        match limit.rate.map(Rate::check) {
            Some(Err(reason)) => Err(bad("limit", reason)),
            _ => Ok(()),
        }
    }

    fn check_tags(&self) -> Result<(), BadOption> {
        let fits = |tag: &String| (1..=Self::TAG_BYTES_MAX).contains(&tag.len());
        if self.tags.len() <= Self::TAGS_MAX && self.tags.iter().all(fits) {
            return Ok(());
        }
        let (most, longest) = (Self::TAGS_MAX, Self::TAG_BYTES_MAX);
        Err(bad("tags", format!("must be at most {most} texts of 1 to {longest} bytes")))
    }

    /// What a time may be.
    pub fn times() -> String {
        format!("seconds from 0 to {} (ten years)", Self::TIME_MS_MAX / 1000)
    }
}

impl Backoff {
    fn check(&self) -> Result<(), BadOption> {
        let longest = match self {
            Self::Fixed(pause) => Some(*pause),
            Self::List(pauses) if pauses.len() > JobOptions::PAUSES_MAX => None,
            Self::List(pauses) => pauses.iter().copied().max(),
            Self::Exponential { jitter_percent: 101.., .. } => {
                return Err(bad("backoff", "must have a jitter of at most 100 percent"));
            }
            Self::Exponential { base_ms, max_ms, .. } => Some(*base_ms.max(max_ms)),
        };
        match longest {
            Some(longest) if longest <= JobOptions::TIME_MS_MAX => Ok(()),
            _ => Err(bad("backoff", format!("must be {}", Self::pauses()))),
        }
    }

    /// What pauses may be.
    pub fn pauses() -> String {
        format!("{}, or a list of 1 to {} of them", JobOptions::times(), JobOptions::PAUSES_MAX)
    }
}

impl UniqueMode {
    /// Whether it goes by a time.
    pub fn has_window(self) -> bool {
        matches!(self, Self::Debounce | Self::Throttle)
    }
}

impl Rate {
    /// Highest count: what is asked for beyond is no limit.
    pub const COUNT_MAX: u32 = 1_000_000;

    /// Why it cannot be, if it cannot.
    pub fn check(self) -> Result<(), String> {
        let bounded = (1..=Self::COUNT_MAX).contains(&self.count)
            && (1..=JobOptions::TIME_MS_MAX).contains(&self.period_ms);
        let reason = || {
            let most = Self::COUNT_MAX;
            format!("must be 1 to {most} in a time from 1 ms to ten years")
        };
        bounded.then_some(()).ok_or_else(reason)
    }
}

fn bad(option: &'static str, reason: impl Into<String>) -> BadOption {
    BadOption { option, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::super::options::{KeyLimit, Unique};
    use super::*;

    fn refused(options: &JobOptions) -> Option<&'static str> {
        options.check().err().map(|bad| bad.option)
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_name() {
        let none = JobOptions::default;
        let late = JobOptions::TIME_MS_MAX + 1;
        let unique = |mode, window_ms| Unique { key: "k".to_owned(), mode, window_ms };
        let limit =
            |concurrency, rate| Some(Box::new(KeyLimit { key: "k".to_owned(), concurrency, rate }));
        let many = Rate { count: Rate::COUNT_MAX + 1, period_ms: 1 };
        let exponential =
            |base_ms, jitter_percent| Backoff::Exponential { base_ms, max_ms: 1, jitter_percent };
        for (option, wrong) in [
            ("queue", JobOptions { queue: Some("my mails".to_owned()), ..none() }),
            ("queue", JobOptions { queue: Some("q".repeat(65)), ..none() }),
            ("delay", JobOptions { delay_ms: Some(late), ..none() }),
            ("delay", JobOptions { delay_ms: Some(1), run_at_ms: Some(1), ..none() }),
            ("expires", JobOptions { expires_ms: Some(late), ..none() }),
            ("keep", JobOptions { keep_ms: Some(late), ..none() }),
            ("attempts", JobOptions { attempts: Some(0), ..none() }),
            ("crashAttempts", JobOptions { crash_attempts: Some(0), ..none() }),
            ("backoff", JobOptions { backoff: Some(Backoff::Fixed(late)), ..none() }),
            ("backoff", JobOptions { backoff: Some(Backoff::List(Vec::new())), ..none() }),
            ("backoff", JobOptions { backoff: Some(Backoff::List(vec![1; 101])), ..none() }),
            ("backoff", JobOptions { backoff: Some(exponential(late, 0)), ..none() }),
            ("backoff", JobOptions { backoff: Some(exponential(1, 101)), ..none() }),
            ("unique", JobOptions { unique: Some(unique(UniqueMode::Reject, late)), ..none() }),
            ("unique", JobOptions { unique: Some(unique(UniqueMode::Throttle, 0)), ..none() }),
            ("group", JobOptions { group: Some("g".repeat(256)), ..none() }),
            ("limit", JobOptions { limit: limit(Some(0), None), ..none() }),
            ("limit", JobOptions { limit: limit(None, Some(many)), ..none() }),
            ("idempotencyKey", JobOptions { idempotency_key: Some("a\0b".to_owned()), ..none() }),
            ("tags", JobOptions { tags: vec!["t".to_owned(); 17], ..none() }),
            ("tags", JobOptions { tags: vec![String::new()], ..none() }),
        ] {
            assert_eq!(refused(&wrong), Some(option), "{wrong:?}");
        }
    }

    #[test]
    fn the_most_that_can_be_is_taken() {
        let most = JobOptions {
            queue: Some("q".repeat(64)),
            delay_ms: Some(JobOptions::TIME_MS_MAX),
            backoff: Some(Backoff::List(vec![JobOptions::TIME_MS_MAX; 100])),
            group: Some("g".repeat(255)),
            tags: vec!["t".repeat(64); 16],
            ..JobOptions::default()
        };
        assert_eq!(most.check(), Ok(()));
        assert_eq!(JobOptions::default().check(), Ok(()));
    }
}
