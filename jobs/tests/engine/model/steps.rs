//! What happens, at random.

use crate::worker::{With, job};
use proptest::prelude::*;
use proptest::sample::Index;
use protocol::{Backoff, KeyLimit, NewJob, UniqueMode};

pub(super) const QUEUES: [&str; 3] = ["default", "narrow", "rated"];
const FUNCTIONS: [&str; 2] = ["work", "other"];

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Perhaps into a batch, if there is one.
    Put(Box<NewJob>, Option<Index>),
    PutBatch(Vec<NewJob>, Wish),
    Run,
    End(Index, How),
    Advance(u64),
    Jump(i64),
    Restart,
    FailCommit,
    Cancel(Index),
    CancelBatch(Index),
    Retry(Index),
    Delete(Index),
    Pause(usize),
    Resume(usize),
    Slots(u32),
    /// Most at a time of the function `work`; none while no release runs.
    Deploy(Option<u32>),
    Sweep,
}

/// What is asked of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) allow_failures: bool,
    /// Whether there is a `then`, a `catch`, a `finally`.
    pub(super) follows: [bool; 3],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    Returned,
    Failed,
    Crashed,
    Interrupted,
    NotBegun,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![
        4 => Just(How::Returned),
        3 => Just(How::Failed),
        1 => Just(How::Crashed),
        1 => Just(How::Interrupted),
        1 => Just(How::NotBegun),
    ];
    let any = any::<Index>;
    let step = prop_oneof![
        12 => (first_job(), prop::option::weighted(0.15, any()))
            .prop_map(|(job, batch)| Step::Put(Box::new(job), batch)),
        3 => new_batch(),
        8 => Just(Step::Run),
        8 => (any(), how).prop_map(|(which, how)| Step::End(which, how)),
        4 => (0u64..900).prop_map(Step::Advance),
        1 => (-5_000_000i64..5_000_000).prop_map(Step::Jump),
        1 => Just(Step::Restart),
        2 => Just(Step::FailCommit),
        2 => any().prop_map(Step::Cancel),
        1 => any().prop_map(Step::CancelBatch),
        1 => any().prop_map(Step::Retry),
        1 => any().prop_map(Step::Delete),
        1 => (0..QUEUES.len()).prop_map(Step::Pause),
        2 => (0..QUEUES.len()).prop_map(Step::Resume),
        1 => (0u32..5).prop_map(Step::Slots),
        1 => prop::option::weighted(0.9, 1u32..4).prop_map(Step::Deploy),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..120)
}

/// With a chain behind it, perhaps.
fn first_job() -> impl Strategy<Value = NewJob> {
    let steps = prop_oneof![4 => Just(0usize), 1 => 1usize..4];
    let steps = steps.prop_flat_map(|steps| prop::collection::vec(new_job(), steps));
    (new_job(), steps).prop_map(|(first, steps)| NewJob {
        then: steps.into_iter().map(without_keys).collect(),
        ..first
    })
}

fn new_batch() -> impl Strategy<Value = Step> {
    let jobs = prop::collection::vec(first_job().prop_map(without_keys), 1..4);
    let wish = (any::<bool>(), any::<[bool; 3]>());
    let wish = wish.prop_map(|(allow_failures, follows)| Wish { allow_failures, follows });
    (jobs, wish).prop_map(|(jobs, wish)| Step::PutBatch(jobs, wish))
}

/// What comes of them is told of jobs alone: `unique.rs` has them in chains and batches.
fn without_keys(mut job: NewJob) -> NewJob {
    (job.options.unique, job.options.idempotency_key) = (None, None);
    job
}

fn new_job() -> impl Strategy<Value = NewJob> {
    let modes = [
        UniqueMode::Reject,
        UniqueMode::Existing,
        UniqueMode::Replace,
        UniqueMode::Debounce,
        UniqueMode::OnceMore,
    ];
    let maybe = |range: std::ops::Range<u64>| prop::option::weighted(0.2, range);
    let which = (0..FUNCTIONS.len(), 0..QUEUES.len(), -2i8..3);
    let when = (maybe(0..2000), maybe(1..3000), 0u64..600);
    let keys = (
        prop::option::weighted(0.3, 0u32..2),
        prop::option::weighted(0.3, 1u32..3),
        prop::option::weighted(0.3, prop::sample::select(modes.to_vec())),
        prop::option::weighted(0.1, 0u32..3),
    );
    (which, when, keys, 1u16..4).prop_map(|(which, when, keys, attempts)| {
        let (function, queue, priority) = which;
        let (delay_ms, expires_ms, pause) = when;
        let (group, limit, mode, idempotent) = keys;
        let mut made = job(FUNCTIONS[function]).queue(QUEUES[queue]).priority(priority);
        made.arguments = vec![0; usize::from(attempts) * 10];
        let key_limit = |most: u32| KeyLimit {
            key: format!("at most {most}"),
            concurrency: Some(most),
            rate: None,
        };
        made = made.attempts(attempts).with(|o| {
            o.delay_ms = delay_ms;
            o.expires_ms = expires_ms;
            o.backoff = Some(Backoff::Fixed(pause));
            o.group = group.map(|group| format!("group {group}"));
            o.limit = limit.map(key_limit).map(Box::new);
            o.idempotency_key = idempotent.map(|key| format!("idempotent {key}"));
        });
        match mode {
            Some(mode) => made.unique(&format!("{mode:?}"), mode),
            None => made,
        }
    })
}
