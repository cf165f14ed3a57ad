//! Strategies for messages about jobs.

use crate::samples::{app_name, bytes, few, text};
use proptest::option;
use proptest::prelude::*;
use protocol::*;

pub(crate) fn job_id() -> impl Strategy<Value = JobId> {
    (any::<u64>(), any::<u16>(), any::<u32>(), any::<u64>())
        .prop_map(|(at_ms, tag, salt, seq)| JobId::new(at_ms, tag, salt, seq))
}

fn rate() -> impl Strategy<Value = Rate> {
    (any::<u32>(), any::<u64>()).prop_map(|(count, period_ms)| Rate { count, period_ms })
}

fn backoff() -> impl Strategy<Value = Backoff> {
    prop_oneof![
        any::<u64>().prop_map(Backoff::Fixed),
        few(any::<u64>()).prop_map(Backoff::List),
        (any::<u64>(), any::<u64>(), any::<u8>()).prop_map(|(base_ms, max_ms, jitter_percent)| {
            Backoff::Exponential { base_ms, max_ms, jitter_percent }
        }),
    ]
}

fn unique() -> impl Strategy<Value = Unique> {
    let mode = prop_oneof![
        Just(UniqueMode::Reject),
        Just(UniqueMode::Existing),
        Just(UniqueMode::Replace),
        Just(UniqueMode::Debounce),
        Just(UniqueMode::Throttle),
        Just(UniqueMode::OnceMore),
    ];
    (text(), mode, any::<u64>()).prop_map(|(key, mode, window_ms)| Unique { key, mode, window_ms })
}

pub(crate) fn job_options() -> BoxedStrategy<JobOptions> {
    let limit = (text(), option::of(any::<u32>()), option::of(rate()))
        .prop_map(|(key, concurrency, rate)| KeyLimit { key, concurrency, rate });
    let ms = || option::of(any::<u64>());
    let times = (ms(), ms(), ms(), ms(), option::of(any::<u32>()));
    let tries = (option::of(any::<u16>()), option::of(any::<u16>()), option::of(backoff()));
    let place = (option::of(text()), option::of(any::<i8>()), option::of(text()), few(text()));
    let keys = (option::of(unique()), option::of(limit), option::of(text()));
    let limits = (option::of(any::<u32>()), option::of(rate()));
    (times, tries, place, keys, limits)
        .prop_map(|(times, tries, place, keys, limits)| {
            let (delay_ms, run_at_ms, expires_ms, keep_ms, timeout_ms) = times;
            let (attempts, crash_attempts, backoff) = tries;
            let (queue, priority, group, tags) = place;
            let (unique, limit, idempotency_key) = keys;
            let (concurrency, rate) = limits;
            JobOptions {
                queue,
                delay_ms,
                run_at_ms,
                priority,
                attempts,
                crash_attempts,
                backoff,
                timeout_ms,
                expires_ms,
                unique,
                group,
                limit: limit.map(Box::new),
                concurrency,
                rate,
                tags,
                idempotency_key,
                keep_ms,
            }
        })
        .boxed()
}

pub(crate) fn schedule() -> impl Strategy<Value = Schedule> {
    let missed = prop_oneof![Just(Missed::Once), Just(Missed::Skip), Just(Missed::All)];
    (text(), option::of(text()), missed).prop_map(|(cron, timezone, missed)| Schedule {
        cron,
        timezone,
        missed,
    })
}

/// Boxed, as other large ones are: the stacks of tests are small.
fn single_job() -> BoxedStrategy<NewJob> {
    (text(), bytes(), job_options(), option::of(job_id()))
        .prop_map(|(function, arguments, options, batch)| NewJob {
            function,
            arguments,
            options,
            then: Vec::new(),
            batch,
        })
        .boxed()
}

fn new_job() -> BoxedStrategy<NewJob> {
    let step = single_job().prop_map(|step| NewJob { batch: None, ..step });
    (single_job(), few(step)).prop_map(|(job, then)| NewJob { then, ..job }).boxed()
}

fn new_batch() -> BoxedStrategy<NewBatch> {
    let job = || option::of(single_job());
    (text(), job(), job(), job(), any::<bool>())
        .prop_map(|(name, then, catch, finally, allow_failures)| NewBatch {
            name,
            then,
            catch,
            finally,
            allow_failures,
        })
        .boxed()
}

pub(crate) fn job_request() -> impl Strategy<Value = JobRequest> {
    prop_oneof![
        (few(new_job()), option::of(new_batch()))
            .prop_map(|(jobs, batch)| JobRequest::Enqueue { jobs, batch: batch.map(Box::new) }),
        job_id().prop_map(|id| JobRequest::Find { id }),
        (job_id(), any::<u64>()).prop_map(|(id, wait_ms)| JobRequest::Await { id, wait_ms }),
        job_id().prop_map(|id| JobRequest::Cancel { id }),
        job_id().prop_map(|id| JobRequest::Batch { id }),
        (job_id(), any::<u64>()).prop_map(|(id, wait_ms)| JobRequest::AwaitBatch { id, wait_ms }),
        job_id().prop_map(|id| JobRequest::CancelBatch { id }),
    ]
}

fn refusal() -> impl Strategy<Value = JobRefusal> {
    prop_oneof![
        (text(), few(text()))
            .prop_map(|(function, near)| JobRefusal::UnknownFunction { function, near }),
        (text(), text())
            .prop_map(|(function, reason)| JobRefusal::NotCallable { function, reason }),
        (text(), text()).prop_map(|(option, reason)| JobRefusal::BadOption { option, reason }),
        (text(), text(), any::<u64>()).prop_map(|(queue, setting, limit)| {
            JobRefusal::QueueFull { queue, setting, limit }
        }),
        (job_id(), text()).prop_map(|(id, key)| JobRefusal::Duplicate { id, key }),
        text().prop_map(|reason| JobRefusal::Unavailable { reason }),
        job_id().prop_map(|id| JobRefusal::UnknownBatch { id }),
    ]
}

fn state() -> impl Strategy<Value = JobState> {
    proptest::sample::select(JobState::ALL.to_vec())
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let outcome = prop_oneof![
        Just(Outcome::Returned),
        Just(Outcome::Failed),
        Just(Outcome::TimedOut),
        Just(Outcome::Crashed),
        Just(Outcome::Interrupted),
        Just(Outcome::Cancelled),
        Just(Outcome::Expired),
        Just(Outcome::Released),
    ];
    (any::<u32>(), any::<u64>(), any::<u64>(), outcome, text()).prop_map(
        |(number, began_ms, took_ms, outcome, error)| Attempt {
            number,
            began_ms,
            took_ms,
            outcome,
            error,
        },
    )
}

pub(crate) fn progress() -> impl Strategy<Value = Progress> {
    (any::<u64>(), any::<u64>(), text()).prop_map(|(done, total, message)| Progress {
        done,
        total,
        message,
    })
}

fn report() -> BoxedStrategy<JobReport> {
    let name = (job_id(), app_name(), text(), text(), state(), any::<i8>());
    let times = (any::<u64>(), any::<u64>());
    let counts = (any::<u32>(), any::<u16>(), any::<u16>(), any::<u16>());
    let keys = (option::of(text()), few(text()), option::of(text()), option::of(job_id()));
    let next = option::of(job_id());
    let ends = (few(attempt()), option::of(progress()), option::of(bytes()), text(), next);
    (name, times, counts, keys, ends)
        .prop_map(|(name, times, counts, keys, ends)| {
            let (id, app, function, queue, state, priority) = name;
            let (made_ms, due_ms) = times;
            let (attempt, failures, crashes, attempts_max) = counts;
            let (group, tags, idempotency_key, batch) = keys;
            let (attempts, progress, result, waits_for, next) = ends;
            JobReport {
                id,
                app,
                function,
                queue,
                state,
                priority,
                made_ms,
                due_ms,
                attempt,
                failures,
                crashes,
                attempts_max,
                group,
                tags,
                idempotency_key,
                batch,
                attempts,
                progress,
                result,
                waits_for,
                next,
            }
        })
        .boxed()
}

fn batch_report() -> impl Strategy<Value = BatchReport> {
    let counts = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let followed = (option::of(job_id()), option::of(job_id()), option::of(job_id()))
        .prop_map(|(then, catch, finally)| Followed { then, catch, finally });
    (job_id(), app_name(), text(), any::<u64>(), counts, followed).prop_map(
        |(id, app, name, made_ms, (total, done, failed, cancelled), followed)| BatchReport {
            id,
            app,
            name,
            made_ms,
            total,
            done,
            failed,
            cancelled,
            followed,
        },
    )
}

pub(crate) fn job_reply() -> impl Strategy<Value = JobReply> {
    let accepted = (job_id(), any::<bool>()).prop_map(|(id, existing)| Accepted { id, existing });
    prop_oneof![
        (few(accepted), option::of(job_id()))
            .prop_map(|(jobs, batch)| JobReply::Accepted { jobs, batch }),
        refusal().prop_map(JobReply::Refused),
        option::of(report()).prop_map(|report| JobReply::Job(report.map(Box::new))),
        option::of(batch_report()).prop_map(JobReply::Batch),
        proptest::sample::select(vec![
            Cancellation::Unknown,
            Cancellation::Done,
            Cancellation::Over,
        ])
        .prop_map(JobReply::Cancelled),
    ]
}

pub(crate) fn job_context() -> impl Strategy<Value = JobContext> {
    let counts = (any::<u32>(), any::<u16>(), any::<u16>());
    (job_id(), counts, option::of(text()), option::of(job_id()), option::of(bytes())).prop_map(
        |(id, (attempt, failures, crashes), idempotency_key, batch, input)| JobContext {
            id,
            attempt,
            failures,
            crashes,
            idempotency_key,
            batch,
            input,
        },
    )
}
