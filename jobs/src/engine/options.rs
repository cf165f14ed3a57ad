//! Options of jobs: who says what. What nobody may say is the protocol's.

use protocol::{BadOption, JobOptions, JobRefusal};

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
    options.check().map_err(|BadOption { option, reason }| bad(option, reason))
}

pub(super) fn bad(option: &str, reason: impl Into<String>) -> JobRefusal {
    JobRefusal::BadOption { option: option.to_owned(), reason: reason.into() }
}
