//! Chains: each step gets what the one before it returned.

use crate::worker::{Release, With, Worker, function, job};
use jobs::Ended;
use protocol::{JobRefusal, JobState, NewJob};

fn chain(steps: usize) -> NewJob {
    let mut first = job("work");
    first.then = (0..steps)
        .map(|step| NewJob { arguments: vec![u8::try_from(step).unwrap()], ..job("next") })
        .collect();
    first
}

fn worker() -> Worker {
    Worker::new().release(Release::of(&["work", "next"]))
}

#[test]
fn a_result_comes_before_the_arguments_of_the_next() {
    let mut worker = worker();
    let first = worker.put(chain(2));
    worker.step();
    worker.end(first, Ended::Returned(b"one".to_vec()));
    worker.restart();
    let second = worker.step()[0];
    let start = worker.running[&second].clone();
    assert_eq!(
        (start.context.input.as_deref(), start.arguments),
        (Some(b"one".as_slice()), vec![0])
    );
    worker.end(second, Ended::Returned(b"two".to_vec()));
    let third = worker.step()[0];
    let start = &worker.running[&third];
    assert_eq!(start.context.input.as_deref(), Some(b"two".as_slice()));
    assert_eq!(start.arguments, [1]);
    worker.done(third);
    assert!(worker.step().is_empty());
}

#[test]
fn a_step_leads_to_the_next() {
    let mut worker = worker();
    let first = worker.put(chain(1).with(|o| o.keep_ms = Some(3_600_000)));
    assert_eq!(worker.report(first).next, None);
    worker.step();
    worker.done(first);
    worker.restart();
    let second = worker.step()[0];
    assert_eq!(worker.report(first).next, Some(second));
    worker.done(second);
    assert_eq!(worker.report(second).next, None, "it was the last");
    assert!(worker.retry(first));
    assert_eq!(worker.report(first).next, None, "it will be another one");
    worker.step();
    worker.done(first);
    let again = worker.step()[0];
    assert_ne!(again, second);
    assert_eq!(worker.report(first).next, Some(again));
}

#[test]
fn who_is_told_of_a_step_that_is_not_kept_learns_of_the_next() {
    let mut worker = worker();
    let first = worker.put(chain(1).with(|o| o.keep_ms = Some(0)));
    worker.step();
    worker.done(first);
    let told = worker.engine.take_unkept();
    assert_eq!(told[0].next, Some(worker.step()[0]));
}

#[test]
fn a_chain_ends_where_a_step_is_dead() {
    let mut worker = worker();
    let first = worker.put(chain(2).attempts(1));
    worker.step();
    worker.fail(first);
    assert!(worker.step().is_empty());
    assert!(worker.retry(first));
    worker.step();
    worker.done(first);
    assert_eq!(worker.step().len(), 1, "it goes on when that has run after all");
}

#[test]
fn steps_are_checked_with_the_first() {
    let mut worker = worker();
    let mut unknown = job("work");
    unknown.then = vec![job("nowhere")];
    assert!(matches!(worker.try_put(unknown), Err(JobRefusal::UnknownFunction { .. })));
    let mut nested = job("work");
    nested.then = vec![chain(1)];
    assert!(matches!(worker.try_put(nested), Err(JobRefusal::BadOption { .. })));
    let mut keyed = job("work");
    keyed.then = vec![job("next").idempotent("k")];
    assert!(matches!(worker.try_put(keyed), Err(JobRefusal::BadOption { .. })));
    assert!(matches!(worker.try_put(chain(101)), Err(JobRefusal::BadOption { .. })));
}

#[test]
fn a_step_is_pinned_to_the_signature_for_which_it_was_made() {
    let mut worker = worker();
    let first = worker.put(chain(1));
    worker.step();
    let changed = Release::of(&["work"]).with(function("next", &["input", "more", "required"]));
    worker.deploy(Some(changed));
    worker.done(first);
    assert!(worker.step().is_empty());
    let step = worker.after(first);
    assert!(worker.why(step).contains("do not fit"), "{}", worker.why(step));
    worker.restart();
    worker.deploy(Some(Release::of(&["next"])));
    assert_eq!(worker.step(), [step]);
    assert_eq!(worker.state(step), Some(JobState::Running));
}
