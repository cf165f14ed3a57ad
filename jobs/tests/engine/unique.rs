//! Unique keys.

use crate::worker::{Release, With, Worker, job};
use jobs::Ended;
use protocol::UniqueMode::{Debounce, Existing, OnceMore, Reject, Replace, Throttle};
use protocol::{Backoff, JobId, JobRefusal, JobState, NewJob, UniqueMode};

fn keyed(mode: UniqueMode) -> NewJob {
    job("work").unique("k", mode).with(|o| o.backoff = Some(Backoff::Fixed(10)))
}

#[test]
fn reject_refuses_while_the_first_waits_or_runs() {
    let mut worker = Worker::new();
    let first = worker.put(keyed(Reject));
    let refused = Err(JobRefusal::Duplicate { id: first, key: "k".to_owned() });
    assert_eq!(worker.try_put(keyed(Reject)), refused);
    worker.step();
    assert_eq!(worker.try_put(keyed(Reject)), refused);
    worker.fail(first);
    assert_eq!(worker.try_put(keyed(Reject)), refused, "it will run again");
    worker.reopen();
    assert_eq!(worker.try_put(keyed(Reject)), refused);
    worker.restart();
    assert_eq!(worker.try_put(keyed(Reject)), refused);
    worker.advance(10);
    worker.drain();
    worker.put(keyed(Reject));
}

#[test]
fn reject_refuses_a_key_twice_in_one_request() {
    let mut worker = Worker::new();
    let twice = worker.try_put_all(vec![keyed(Reject), keyed(Reject)], None);
    assert!(matches!(twice, Err(JobRefusal::BadOption { option, .. }) if option == "unique"));
}

#[test]
fn reject_refuses_a_key_that_another_job_of_the_request_takes() {
    for other in [UniqueMode::Existing, UniqueMode::Replace, UniqueMode::OnceMore] {
        let mut worker = Worker::new();
        let both = vec![keyed(other), keyed(UniqueMode::Reject)];
        let refusal = worker.try_put_all(both, None).unwrap_err();
        assert!(matches!(refusal, JobRefusal::BadOption { .. }), "{other:?}: {refusal:?}");
        let both = vec![keyed(UniqueMode::Reject), keyed(other)];
        assert!(worker.try_put_all(both, None).is_ok(), "{other:?}");
    }
}

#[test]
fn existing_gives_the_first() {
    let mut worker = Worker::new();
    let first = worker.put(keyed(Existing));
    for _ in 0..2 {
        let again = worker.try_put(keyed(Existing)).expect("accepted");
        assert_eq!((again.id, again.existing), (first, true));
        worker.step();
    }
    worker.done(first);
    worker.put(keyed(Existing));
}

#[test]
fn replace_takes_the_place_of_the_one_that_waits() {
    let mut worker = Worker::new().slots(5);
    let first = worker.put(keyed(Replace));
    let second = worker.put(keyed(Replace));
    assert_eq!(worker.state(first), Some(JobState::Cancelled));
    assert_eq!(worker.step(), [second]);
    let third = worker.put(keyed(Replace));
    assert!(worker.step().is_empty(), "the second still runs");
    assert!(worker.why(third).contains("unique key"), "{}", worker.why(third));
    let fourth = worker.put(keyed(Replace));
    worker.reopen();
    assert!(worker.step().is_empty(), "the second still runs");
    worker.done(second);
    assert_eq!(worker.step(), [fourth]);
}

#[test]
fn one_that_failed_makes_way_for_the_one_in_its_place() {
    let mut worker = Worker::new().slots(5);
    for mode in [Replace, Debounce, OnceMore] {
        let first = worker.put(keyed(mode));
        worker.step_after(1000);
        let second = worker.put(keyed(mode));
        worker.fail(first);
        assert_eq!(worker.state(first), Some(JobState::Cancelled), "{mode:?}");
        worker.advance(1000);
        assert_eq!(worker.step(), [second]);
        worker.done(second);
    }
}

#[test]
fn one_that_waits_between_attempts_is_replaced() {
    let mut worker = Worker::new().slots(5);
    let first = worker.put(keyed(Replace));
    worker.step();
    worker.fail(first);
    let second = worker.put(keyed(Replace));
    assert_eq!(worker.state(first), Some(JobState::Cancelled));
    worker.advance(1000);
    assert_eq!(worker.drain(), [second]);
}

#[test]
fn debounce_waits_for_quiet() {
    let mut worker = Worker::new();
    worker.put(keyed(Debounce));
    worker.advance(900);
    let last = worker.put(keyed(Debounce));
    assert!(worker.step_after(999).is_empty());
    assert_eq!(worker.step_after(1), [last]);
    let next = worker.put(keyed(Debounce));
    assert!(worker.step_after(2000).is_empty(), "the last one still runs");
    worker.done(last);
    assert_eq!(worker.step(), [next]);
}

#[test]
fn what_is_debounced_waits_for_its_whole_window_whatever_else_delays_it() {
    let now = Worker::new().now.wall_ms;
    let at = |ms: u64| keyed(Debounce).with(|o| o.run_at_ms = Some(now + ms));
    for (job, pause) in [
        (keyed(Debounce).delay(0), 1000),
        (keyed(Debounce).delay(999), 1000),
        (keyed(Debounce).delay(1001), 1001),
        (at(0), 1000),
        (at(5000), 5000),
    ] {
        let mut worker = Worker::new();
        let id = worker.put(job);
        assert!(worker.step_after(pause - 1).is_empty(), "{pause} ms");
        assert_eq!(worker.step_after(1), [id], "{pause} ms");
    }
}

#[test]
fn debounced_jobs_leave_nothing_behind() {
    let mut worker = Worker::with(jobs::Settings { keep_ms: 0, ..jobs::Settings::default() });
    for _ in 0..1000 {
        worker.put(keyed(Debounce));
    }
    assert_eq!(worker.engine.queues()[0].waiting, 1);
    assert_eq!(worker.step_after(1000).len(), 1);
    assert_eq!(worker.engine.quiet_ms(), None);
}

#[test]
fn throttle_lets_one_in_per_window() {
    let mut worker = Worker::new();
    let first = worker.put(keyed(Throttle));
    worker.step();
    worker.done(first);
    for _ in 0..2 {
        let again = worker.try_put(keyed(Throttle)).expect("accepted");
        assert_eq!((again.id, again.existing), (first, true));
        worker.restart();
    }
    worker.step_after(1000);
    worker.put(keyed(Throttle));
}

#[test]
fn once_more_lets_one_wait_while_another_runs() {
    let mut worker = Worker::new().slots(5);
    let first = worker.put(keyed(OnceMore));
    assert_eq!(worker.try_put(keyed(OnceMore)).expect("accepted").id, first);
    worker.step();
    let more = worker.put(keyed(OnceMore));
    assert_eq!(worker.try_put(keyed(OnceMore)).expect("accepted").id, more);
    assert!(worker.step().is_empty());
    worker.done(first);
    assert_eq!(worker.step(), [more]);
}

#[test]
fn one_that_waits_for_its_key_holds_its_group() {
    let mut worker = Worker::new().slots(5);
    let runs = worker.put(keyed(Replace));
    worker.step();
    let first = worker.put(keyed(Replace).group("g"));
    let second = worker.put(job("work").group("g"));
    assert!(worker.step().is_empty());
    worker.done(runs);
    assert_eq!(worker.step(), [first]);
    worker.done(first);
    assert_eq!(worker.step(), [second]);
}

/// Every way in which a job can end.
#[test]
fn a_key_is_free_after_every_end() {
    type End = fn(&mut Worker, JobId);
    let ends: [(&str, End); 9] = [
        ("done", |w, id| {
            w.step();
            w.done(id);
        }),
        ("dead", |w, id| {
            w.step();
            w.fail(id);
        }),
        ("poison", |w, id| {
            for _ in 0..3 {
                w.step();
                w.crash(id);
            }
        }),
        ("cancelled while it waits", |w, id| {
            w.cancel(id);
        }),
        ("cancelled while it runs", |w, id| {
            w.step();
            w.cancel(id);
            w.end(id, Ended::Interrupted);
        }),
        ("deleted", |w, id| {
            w.delete(id);
        }),
        ("expired", |w, _| {
            w.engine.pause(&crate::worker::app(), "default");
            w.step_after(60_000);
            w.engine.resume(&crate::worker::app(), "default");
        }),
        ("killed with the worker", |w, _| {
            for _ in 0..3 {
                w.step();
                w.restart();
            }
        }),
        ("cancelled, and killed with the worker", |w, id| {
            w.step();
            w.cancel(id);
            w.restart();
        }),
    ];
    for mode in [Reject, Existing, Replace, Debounce, OnceMore] {
        for (name, end) in ends {
            let mut worker = Worker::new();
            let id = worker.put(keyed(mode).attempts(1).expires(60_000));
            worker.advance(1000);
            end(&mut worker, id);
            assert!(worker.state(id).is_none_or(JobState::is_over), "{name}, {mode:?}");
            let next = worker.put(keyed(mode));
            worker.advance(1000);
            worker.step();
            assert_eq!(worker.state(next), Some(JobState::Running), "{name}, {mode:?}");
        }
    }
}

#[test]
fn a_step_of_a_chain_whose_key_is_taken_is_over_for_all_to_see() {
    for (mode, state) in [(Reject, JobState::Dead), (Existing, JobState::Cancelled)] {
        let mut worker = Worker::new().slots(1).release(Release::of(&["work", "next"]));
        let mut chain = job("work");
        chain.then = vec![job("next").unique("k", mode)];
        let first = worker.put(chain);
        let holder = worker.put(keyed(mode).delay(50_000));
        worker.step();
        worker.done(first);
        let step = worker.after(holder);
        assert_eq!(worker.state(step), Some(state));
        assert!(worker.why(step).contains(&holder.to_string()), "{}", worker.why(step));
    }
}

#[test]
fn a_step_of_a_chain_replaces_the_one_that_waits() {
    let mut worker = Worker::new().release(Release::of(&["work", "next"]));
    let mut chain = job("work");
    chain.then = vec![job("next").unique("k", Replace)];
    let first = worker.put(chain);
    let waits = worker.put(keyed(Replace).delay(50_000));
    worker.step();
    worker.done(first);
    assert_eq!(worker.state(waits), Some(JobState::Cancelled));
    let step = worker.after(waits);
    assert_eq!(worker.step(), [step]);
}

#[test]
fn a_dead_job_is_not_retried_while_another_has_its_key() {
    let mut worker = Worker::new();
    let dead = worker.put(keyed(Reject).attempts(1));
    worker.step();
    worker.fail(dead);
    let other = worker.put(keyed(Reject));
    assert!(!worker.retry(dead));
    worker.cancel(other);
    assert!(worker.retry(dead));
    assert_eq!(worker.step(), [dead]);
}
