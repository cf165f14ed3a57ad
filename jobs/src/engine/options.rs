//! Options of jobs: who says what, and what nobody may say.

use protocol::{Backoff, JobOptions, JobRefusal, PAUSES_MAX, Rate, TAGS_MAX, Unique, UniqueMode};

/// Longest name of a queue, in bytes.
const QUEUE_BYTES_MAX: usize = 64;
/// Longest key of any kind, in bytes.
const KEY_BYTES_MAX: usize = 255;
/// Longest tag, in bytes.
const TAG_BYTES_MAX: usize = 64;
/// Highest count of a rate: what is asked for beyond is no limit.
const RATE_COUNT_MAX: u32 = 1_000_000;
/// Ten years: what is asked for beyond is a mistake in units.
const TIME_MS_MAX: u64 = 10 * 365 * 24 * 3600 * 1000;

/// What the caller says, else what the function's attribute says.
pub(super) fn merged(given: JobOptions, attribute: &JobOptions) -> JobOptions {
    let or = attribute.clone();
    JobOptions {
        queue: given.queue.or(or.queue),
        // A caller that says when has said all about when.
        delay_ms: given.delay_ms.or(or.delay_ms.filter(|_| given.run_at_ms.is_none())),
        run_at_ms: given.run_at_ms,
        priority: given.priority.or(or.priority),
        attempts: given.attempts.or(or.attempts),
        crash_attempts: given.crash_attempts.or(or.crash_attempts),
        backoff: given.backoff.or(or.backoff),
        timeout_ms: given.timeout_ms.or(or.timeout_ms),
        expires_ms: given.expires_ms.or(or.expires_ms),
        unique: given.unique.or(or.unique),
        group: given.group.or(or.group),
        limit: given.limit.or(or.limit),
        concurrency: None,
        rate: None,
        tags: if given.tags.is_empty() { or.tags } else { given.tags },
        idempotency_key: given.idempotency_key,
        keep_ms: given.keep_ms.or(or.keep_ms),
    }
}

pub(super) fn check(options: &JobOptions) -> Result<(), JobRefusal> {
    if let Some(queue) = &options.queue {
        let fits = (1..=QUEUE_BYTES_MAX).contains(&queue.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if !fits || !queue.bytes().all(plain) {
            let reason = format!(
                "a queue's name has 1 to {QUEUE_BYTES_MAX} of a-z, A-Z, 0-9, _, -, . and :"
            );
            return Err(bad("queue", reason));
        }
    }
    if options.delay_ms.is_some() && options.run_at_ms.is_some() {
        return Err(bad("delay", "give a delay or a time (runAt), not both"));
    }
    for (name, time) in [
        ("delay", options.delay_ms),
        ("expires", options.expires_ms),
        ("keep", options.keep_ms),
        ("unique", options.unique.as_ref().map(|unique| unique.window_ms)),
    ] {
        if time.is_some_and(|ms| ms > TIME_MS_MAX) {
            return Err(bad(name, "times are at most ten years"));
        }
    }
    for (name, count) in [("attempts", options.attempts), ("crashAttempts", options.crash_attempts)]
    {
        if count == Some(0) {
            return Err(bad(name, "must be at least 1"));
        }
    }
    check_backoff(options.backoff.as_ref())?;
    check_keys(options)
}

fn check_backoff(backoff: Option<&Backoff>) -> Result<(), JobRefusal> {
    let longest = match backoff {
        None => return Ok(()),
        Some(Backoff::Fixed(pause)) => *pause,
        Some(Backoff::List(pauses)) if pauses.is_empty() || pauses.len() > PAUSES_MAX => {
            return Err(bad("backoff", format!("a list has 1 to {PAUSES_MAX} pauses")));
        }
        Some(Backoff::List(pauses)) => pauses.iter().copied().max().unwrap_or(0),
        Some(Backoff::Exponential { jitter_percent: 101.., .. }) => {
            return Err(bad("backoff", "jitter is at most 100 percent"));
        }
        Some(Backoff::Exponential { max_ms, .. }) => *max_ms,
    };
    if longest > TIME_MS_MAX {
        return Err(bad("backoff", "times are at most ten years"));
    }
    Ok(())
}

fn check_keys(options: &JobOptions) -> Result<(), JobRefusal> {
    for (name, key) in [
        ("unique", options.unique.as_ref().map(|unique| &unique.key)),
        ("group", options.group.as_ref()),
        ("limit", options.limit.as_ref().map(|limit| &limit.key)),
        ("idempotencyKey", options.idempotency_key.as_ref()),
    ] {
        if key.is_some_and(|key| !(1..=KEY_BYTES_MAX).contains(&key.len()) || key.contains('\0')) {
            let reason = format!("a key has 1 to {KEY_BYTES_MAX} bytes, none of them zero");
            return Err(bad(name, reason));
        }
    }
    if let Some(Unique {
        mode: UniqueMode::Debounce | UniqueMode::Throttle, window_ms: 0, ..
    }) = options.unique
    {
        return Err(bad("unique", "debounce and throttle need a window"));
    }
    if let Some(limit) = &options.limit {
        if limit.concurrency == Some(0) {
            return Err(bad("limit", "concurrency must be at least 1"));
        }
        if let Some(Rate { count, period_ms }) = limit.rate
            && (!(1..=RATE_COUNT_MAX).contains(&count) || !(1..=TIME_MS_MAX).contains(&period_ms))
        {
            let reason = format!("a rate is 1 to {RATE_COUNT_MAX} in 1 ms to ten years");
            return Err(bad("limit", reason));
        }
    }
    let tags = &options.tags;
    if tags.len() > TAGS_MAX || tags.iter().any(|tag| tag.is_empty() || tag.len() > TAG_BYTES_MAX) {
        return Err(bad("tags", format!("at most {TAGS_MAX} tags of 1 to {TAG_BYTES_MAX} bytes")));
    }
    Ok(())
}

pub(super) fn bad(option: &str, reason: impl Into<String>) -> JobRefusal {
    JobRefusal::BadOption { option: option.to_owned(), reason: reason.into() }
}
