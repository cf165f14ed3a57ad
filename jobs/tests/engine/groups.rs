//! Groups: one at a time, in the order in which their jobs came.

use crate::worker::{Release, With, Worker, job};
use protocol::{Backoff, JobState, NewJob};

fn in_group() -> NewJob {
    job("work").group("g").with(|o| o.backoff = Some(Backoff::Fixed(1000)))
}

#[test]
fn one_at_a_time_in_order() {
    let mut worker = Worker::new().slots(5);
    let ids: Vec<_> = (0..4).map(|_| worker.put(in_group())).collect();
    let other = worker.put(job("work").group("h"));
    assert_eq!(worker.step(), [ids[0], other]);
    for pair in ids.windows(2) {
        worker.done(pair[0]);
        assert_eq!(worker.step(), [pair[1]]);
    }
}

#[test]
fn priority_does_not_overtake_within_a_group() {
    let mut worker = Worker::new();
    let first = worker.put(in_group());
    let second = worker.put(in_group().priority(100));
    assert_eq!(worker.drain(), [first, second]);
}

#[test]
fn the_pause_of_the_first_holds_the_others() {
    let mut worker = Worker::new().slots(2);
    let first = worker.put(in_group());
    let second = worker.put(in_group());
    worker.step();
    worker.fail(first);
    assert!(worker.step().is_empty());
    worker.restart();
    assert!(worker.step_after(999).is_empty());
    assert_eq!(worker.step_after(1), [first]);
    worker.done(first);
    assert_eq!(worker.step(), [second]);
}

#[test]
fn the_delay_of_the_first_holds_the_others() {
    let at = Worker::new().now.wall_ms + 1000;
    for first in [in_group().delay(1000), in_group().with(|o| o.run_at_ms = Some(at))] {
        let mut worker = Worker::new().slots(2);
        let first = worker.put(first);
        let second = worker.put(in_group());
        assert!(worker.step_after(999).is_empty());
        assert_eq!(worker.step_after(1), [first]);
        worker.done(first);
        assert_eq!(worker.step(), [second]);
    }
}

#[test]
fn a_dead_one_lets_the_others_go_on() {
    let mut worker = Worker::new();
    let first = worker.put(in_group().attempts(1));
    let second = worker.put(in_group());
    worker.step();
    worker.fail(first);
    assert_eq!(worker.step(), [second]);
}

#[test]
fn a_cancelled_one_lets_the_others_go_on() {
    let mut worker = Worker::new().slots(2);
    let first = worker.put(in_group().delay(60_000));
    let middle = worker.put(in_group());
    let last = worker.put(in_group());
    worker.cancel(middle);
    worker.cancel(first);
    assert_eq!(worker.step(), [last]);
}

#[test]
fn one_that_is_retried_by_hand_comes_before_those_after_it() {
    let mut worker = Worker::new();
    let dead = worker.put(in_group().attempts(1));
    let second = worker.put(in_group());
    let third = worker.put(in_group());
    worker.step();
    worker.fail(dead);
    assert_eq!(worker.step(), [second]);
    assert!(worker.retry(dead));
    worker.fail(second);
    assert_eq!(worker.step(), [dead], "not stuck behind the one that ran");
    worker.done(dead);
    assert!(worker.step().is_empty());
    assert_eq!(worker.step_after(1000), [second]);
    worker.done(second);
    assert_eq!(worker.step(), [third]);
}

#[test]
fn order_holds_over_functions_and_queues() {
    let mut worker = Worker::new().slots(3).release(Release::of(&["work", "other"]));
    worker.engine.pause(&crate::worker::app(), "slow");
    let first = worker.put(in_group().queue("slow"));
    let second = worker.put(job("other").group("g"));
    assert!(worker.step().is_empty());
    assert!(worker.why(second).contains("come first"), "{}", worker.why(second));
    worker.engine.resume(&crate::worker::app(), "slow");
    assert_eq!(worker.step(), [first]);
    worker.done(first);
    assert_eq!(worker.step(), [second]);
}

#[test]
fn a_running_one_holds_the_others_while_the_engine_is_made_anew() {
    let mut worker = Worker::new().slots(2);
    let first = worker.put(in_group());
    let second = worker.put(in_group());
    worker.step();
    worker.reopen();
    assert!(worker.step().is_empty());
    worker.done(first);
    assert_eq!(worker.step(), [second]);
    worker.done(second);
    assert_eq!(worker.state(second), Some(JobState::Done));
}

#[test]
fn a_damaged_job_holds_nobody_of_its_group() {
    use ledger::{Change, Ledger as _};
    let mut worker = Worker::new();
    let first = worker.put(job("work").group("a"));
    let entry = worker.ledger.read().entry(first.seq()).expect("readable").expect("there");
    let (seq, state, head) = (first.seq() + 1, entry.state, entry.head);
    let damaged = Change::Insert { seq, state, head, body: vec![0xff] };
    worker.ledger.commit(&[damaged]).expect("commits");
    worker.restart();
    let last = worker.put(job("work").group("a"));
    assert_eq!(worker.drain(), [first, last]);
    assert_eq!(worker.engine.take_troubles().len(), 1);
    worker.restart();
    assert_eq!(worker.engine.queues()[0].waiting, 1, "it is still there");
    assert!(worker.step().is_empty());
}
