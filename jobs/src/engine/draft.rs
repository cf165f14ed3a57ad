//! From what a caller asked for to a job: its options, those of its function, the worker's defaults.

use super::Engine;
use crate::clock::{Due, Pause};
use crate::record::{Body, Head};
use crate::rules::{Rule, Rules};
use protocol::{AppName, Backoff, JobOptions, JobRefusal, NewJob, Rate, Unique, UniqueMode};

/// Longest name of a queue, in bytes.
const QUEUE_BYTES_MAX: usize = 64;
/// Longest key of any kind, in bytes.
const KEY_BYTES_MAX: usize = 255;
/// Most tags of a job, and longest one in bytes.
const TAGS_MAX: usize = 16;
const TAG_BYTES_MAX: usize = 64;
/// Longest chain, and most pauses of a list.
const STEPS_MAX: usize = 100;
/// Ten years: what is asked for beyond is a mistake in units.
const TIME_MS_MAX: u64 = 10 * 365 * 24 * 3600 * 1000;

/// A job that could be made.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
    /// The function's signature, to be stored beside its jobs.
    pub(super) declaration: Option<(u64, Vec<u8>)>,
}

impl Engine {
    /// Checks a request and fills in what it leaves out. `input` comes before the arguments.
    pub(super) fn draft(
        &mut self,
        app: &AppName,
        job: NewJob,
        input: Option<Vec<u8>>,
    ) -> Result<Draft, JobRefusal> {
        let id = self.app(app);
        let Some(rules) = &self.apps[id as usize].rules else {
            let reason = format!("no release of \"{app}\" runs on this worker");
            return Err(JobRefusal::Unavailable { reason });
        };
        let rule = callable(rules, &job.function)?;
        check_steps(rules, &job.then)?;
        let (signature, declaration) = (rule.signature, rule.declaration.clone());
        let function = rule.name.clone();
        let options = merged(job.options, &rule.options);
        check(&options)?;
        let head = self.head(app, function, signature, options, job.batch);
        Ok(self.finish_draft(head, job.arguments, input, job.then, Some((signature, declaration))))
    }

    /// As [`Engine::draft`], for a job that follows one that is done: it is made whatever the current
    /// release says, and waits if that cannot run it.
    pub(super) fn draft_anyway(
        &mut self,
        app: &AppName,
        job: NewJob,
        input: Option<Vec<u8>>,
    ) -> Draft {
        match self.draft(app, job.clone(), input.clone()) {
            Ok(draft) => draft,
            Err(_) => {
                let head = self.head(app, job.function, 0, job.options, job.batch);
                self.finish_draft(head, job.arguments, input, job.then, None)
            }
        }
    }

    fn finish_draft(
        &mut self,
        mut head: Head,
        arguments: Vec<u8>,
        input: Option<Vec<u8>>,
        then: Vec<NewJob>,
        declaration: Option<(u64, Vec<u8>)>,
    ) -> Draft {
        let body = Body { arguments, input, then }.to_bytes();
        head.body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Draft { head, body, declaration }
    }

    fn head(
        &mut self,
        app: &AppName,
        function: String,
        signature: u64,
        options: JobOptions,
        batch: Option<protocol::JobId>,
    ) -> Head {
        let now = self.now;
        let debounce = options.unique.as_ref().filter(|u| u.mode == UniqueMode::Debounce);
        let delay = options.delay_ms.or(debounce.map(|unique| unique.window_ms));
        let (due, later) = match (options.run_at_ms, delay) {
            (Some(at), _) => (Due::At(at), at.saturating_sub(now.wall_ms)),
            (None, Some(delay)) if delay > 0 => (Due::After(Pause::of(delay, now)), delay),
            (None, _) => (Due::Now, 0),
        };
        let defaults = &self.settings;
        Head {
            app: app.clone(),
            function,
            signature,
            queue: options.queue.unwrap_or_else(|| "default".to_owned()),
            made_ms: now.wall_ms,
            salt: self.random.next(),
            due,
            turn: 1,
            order_ms: self.order_ms().saturating_add(later),
            expires: options.expires_ms.map(|expires| Pause::of(expires, now)),
            priority: options.priority.unwrap_or(0),
            attempts_max: options.attempts.unwrap_or(defaults.attempts),
            crashes_max: options.crash_attempts.unwrap_or(defaults.crash_attempts),
            attempt: 0,
            failures: 0,
            crashes: 0,
            backoff: options.backoff.unwrap_or_else(|| defaults.backoff.clone()),
            timeout_ms: options.timeout_ms,
            unique: options.unique,
            group: options.group,
            limit: options.limit,
            tags: options.tags,
            idempotency_key: options.idempotency_key,
            keep_ms: options.keep_ms.unwrap_or(defaults.keep_ms),
            batch,
            began_ms: 0,
            ended_ms: 0,
            cause: String::new(),
            body_bytes: 0,
        }
    }
}

fn callable<'a>(rules: &'a Rules, function: &str) -> Result<&'a Rule, JobRefusal> {
    let Some(rule) = rules.find(function) else {
        let near = rules.near(function);
        return Err(JobRefusal::UnknownFunction { function: function.to_owned(), near });
    };
    match &rule.refusal {
        None => Ok(rule),
        Some(reason) => {
            Err(JobRefusal::NotCallable { function: rule.name.clone(), reason: reason.clone() })
        }
    }
}

fn check_steps(rules: &Rules, then: &[NewJob]) -> Result<(), JobRefusal> {
    if then.len() > STEPS_MAX {
        return Err(bad("then", format!("a chain has at most {STEPS_MAX} steps after the first")));
    }
    for step in then {
        if !step.then.is_empty() {
            return Err(bad("then", "a step of a chain has no chain of its own"));
        }
        callable(rules, &step.function)?;
        check(&step.options)?;
    }
    Ok(())
}

/// What the caller says, else what the function's attribute says.
fn merged(given: JobOptions, attribute: &JobOptions) -> JobOptions {
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

fn check(options: &JobOptions) -> Result<(), JobRefusal> {
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
        Some(Backoff::List(pauses)) if pauses.is_empty() || pauses.len() > STEPS_MAX => {
            return Err(bad("backoff", format!("a list has 1 to {STEPS_MAX} pauses")));
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
        if matches!(limit.rate, Some(Rate { count: 0, .. } | Rate { period_ms: 0, .. })) {
            return Err(bad("limit", "a rate is at least 1 in at least 1 ms"));
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
