//! Limits of functions, queues and keys.

use crate::worker::{Release, With, Worker, app, function, job};
use jobs::{Ended, Limits};
use protocol::{JobOptions, KeyLimit, NewJob, Rate};

fn at_most(concurrency: u32) -> Limits {
    Limits { concurrency: Some(concurrency), rate: None }
}

fn per(count: u32, period_ms: u64) -> Limits {
    Limits { concurrency: None, rate: Some(Rate { count, period_ms }) }
}

fn limited_function(limits: Limits) -> Release {
    let mut work = function("work", &[]);
    let Limits { concurrency, rate } = limits;
    work.job = JobOptions { concurrency, rate, ..JobOptions::default() };
    Release::of(&["other"]).with(work)
}

fn keyed(key: &str, limits: Limits) -> NewJob {
    let Limits { concurrency, rate } = limits;
    job("work")
        .with(|o| o.limit = Some(Box::new(KeyLimit { key: key.to_owned(), concurrency, rate })))
}

#[test]
fn a_function_runs_as_often_at_a_time_as_it_may() {
    let mut worker = Worker::new().slots(9).release(limited_function(at_most(2)));
    let ids: Vec<_> = (0..4).map(|_| worker.put(job("work"))).collect();
    let other = worker.put(job("other"));
    assert_eq!(worker.step(), [ids[0], ids[1], other]);
    assert!(
        worker.why(ids[2]).contains("function work() runs 2 at a time"),
        "{}",
        worker.why(ids[2])
    );
    worker.fail(ids[0]);
    assert_eq!(worker.step(), [ids[2]]);
}

#[test]
fn a_limit_holds_over_all_queues() {
    let mut worker = Worker::new().slots(9).release(limited_function(at_most(1)));
    let first = worker.put(job("work").queue("a"));
    let second = worker.put(job("work").queue("b"));
    assert_eq!(worker.step(), [first]);
    worker.done(first);
    assert_eq!(worker.step(), [second]);
}

#[test]
fn a_queue_runs_as_many_at_a_time_as_it_may() {
    let release = Release::of(&["work", "other"]).queue("slow", at_most(1));
    let mut worker = Worker::new().slots(9).release(release);
    let first = worker.put(job("work").queue("slow"));
    let second = worker.put(job("other").queue("slow"));
    let free = worker.put(job("work"));
    assert_eq!(worker.step(), [first, free]);
    assert!(worker.why(second).contains("queue \"slow\""), "{}", worker.why(second));
    worker.crash(first);
    assert_eq!(worker.step(), [first], "its turn is before the second's");
    worker.done(first);
    assert_eq!(worker.step(), [second]);
}

#[test]
fn a_key_is_limited_on_its_own() {
    let mut worker = Worker::new().slots(9);
    let ids: Vec<_> = ["a", "a", "b", "b"].map(|key| worker.put(keyed(key, at_most(1)))).to_vec();
    assert_eq!(worker.step(), [ids[0], ids[2]]);
    worker.done(ids[2]);
    assert_eq!(worker.step(), [ids[3]]);
    assert!(worker.why(ids[1]).contains("key \"a\""), "{}", worker.why(ids[1]));
}

#[test]
fn the_newest_job_says_what_its_key_allows() {
    let mut worker = Worker::new().slots(9);
    let ids: Vec<_> = (0..3).map(|_| worker.put(keyed("a", at_most(1)))).collect();
    assert_eq!(worker.step(), [ids[0]]);
    let newest = worker.put(keyed("a", at_most(3)));
    assert_eq!(worker.step(), [ids[1], ids[2]], "nobody has to end first");
    worker.why(newest);
    worker.why(ids[1]);
    worker.done(ids[0]);
    assert_eq!(worker.step(), [newest], "to look at an old job changes nothing");
}

#[test]
fn never_more_than_the_rate_in_any_period() {
    let mut worker = Worker::new().slots(9).release(limited_function(per(2, 1000)));
    let ids: Vec<_> = (0..5).map(|_| worker.put(job("work"))).collect();
    assert_eq!(worker.step(), ids[..2]);
    worker.done(ids[0]);
    worker.done(ids[1]);
    assert!(worker.step_after(999).is_empty());
    let why = "the rate of 2 in 1 s of function work() is used up for another 1 s";
    assert!(worker.why(ids[2]).starts_with(why), "{}", worker.why(ids[2]));
    assert_eq!(worker.engine.quiet_ms(), Some(1));
    assert_eq!(worker.step_after(1), ids[2..4]);
    assert_eq!(worker.report(ids[4]).attempt, 0, "to wait for a limit costs no attempt");
}

#[test]
fn the_time_of_a_rate_is_told_in_seconds() {
    for (period_ms, told) in [(3_600_000, "3600 s"), (1500, "1.500 s"), (250, "250 ms")] {
        let mut worker = Worker::new().slots(9).release(limited_function(per(1, period_ms)));
        let ids = [(); 2].map(|()| worker.put(job("work")));
        worker.step();
        let why = worker.why(ids[1]);
        assert!(why.contains(&format!("the rate of 1 in {told} of function work()")), "{why}");
        let left = format!("for another {} s", period_ms.div_ceil(1000));
        assert!(why.contains(&left), "{why}");
    }
}

#[test]
fn a_rate_is_known_after_a_restart() {
    for release in
        [limited_function(per(2, 1000)), Release::of(&["work"]).queue("default", per(2, 1000))]
    {
        let mut worker = Worker::new().slots(9).release(release);
        let ids: Vec<_> = (0..3).map(|_| worker.put(job("work"))).collect();
        worker.step();
        worker.advance(500);
        worker.done(ids[0]);
        worker.restart();
        assert!(worker.step_after(499).is_empty());
        assert_eq!(worker.step_after(1), [ids[1], ids[2]], "the one that was killed counts once");
    }
}

/// It began before the engine was made, which knows no better than when that was: then another began.
#[test]
fn what_never_began_frees_no_other_s_place_in_a_rate() {
    let release = limited_function(per(2, 1000));
    let mut worker = Worker::new().slots(9).release(release);
    let first = worker.put(job("work"));
    assert_eq!(worker.step(), [first]);
    worker.advance(100);
    worker.reopen();
    let others = [(); 3].map(|()| worker.put(job("work")));
    assert_eq!(worker.step(), [others[0]]);
    worker.end(first, Ended::NotBegun("the release was changing".to_owned()));
    assert!(worker.delete(first));
    assert!(worker.step().is_empty(), "two are as many as there may be");
    assert_eq!(worker.step_after(900), [others[1]]);
    assert!(worker.step_after(99).is_empty(), "these two began within a second");
    assert_eq!(worker.step_after(1), [others[2]]);
}

#[test]
fn what_never_began_uses_up_no_rate() {
    let release = limited_function(per(2, 1000)).queue("rated", per(1, 5000));
    let mut worker = Worker::new().slots(9).release(release);
    let ran = worker.put(job("work"));
    worker.step();
    worker.done(ran);
    worker.advance(99);
    let id = worker.put(keyed("k", per(1, 5000)).queue("rated"));
    worker.advance(1);
    let others = [(); 2].map(|()| worker.put(job("work")));
    for _ in 0..4 {
        assert_eq!(worker.step(), [id], "it is the first again, and its place is free");
        worker.end(id, Ended::NotBegun("the release was changing".to_owned()));
        assert_eq!(worker.step(), [others[0]], "in the meantime it is another's");
        worker.end(others[0], Ended::NotBegun("the release was changing".to_owned()));
        worker.advance(200);
    }
    worker.restart();
    assert_eq!(worker.step(), [id], "nor does a restart know of it");
    assert_eq!(worker.report(id).attempt, 5, "numbers are not used again");
    worker.done(id);
    assert!(worker.step_after(99).is_empty(), "what began counts");
    assert_eq!(worker.step_after(1), [others[0]]);
    worker.done(others[0]);
    assert!(worker.step_after(899).is_empty());
    assert_eq!(worker.step_after(1), [others[1]]);
}

#[test]
fn the_rate_of_a_key_is_known_after_a_restart() {
    let mut worker = Worker::new().slots(9);
    let first = worker.put(keyed("k", per(1, 1000)));
    worker.step();
    worker.done(first);
    worker.restart();
    let second = worker.put(keyed("k", per(1, 1000)));
    assert!(worker.step_after(999).is_empty());
    assert_eq!(worker.step_after(1), [second]);
}

#[test]
fn a_window_without_a_limit_is_forgotten() {
    let mut worker = Worker::new().release(limited_function(per(5, 1000)));
    let first = worker.put(job("work"));
    worker.step();
    worker.done(first);
    let waiting = worker.put(job("work"));
    worker.deploy(None);
    worker.restart();
    worker.cancel(waiting);
    worker.step();
    worker.step_after(1000);
    assert!(facts(&worker).is_empty(), "{:?}", facts(&worker));
}

/// Of a later version, say.
#[test]
fn windows_and_throttles_that_cannot_be_read_are_left_alone() {
    use ledger::Ledger as _;
    let facts = [
        (3, b"function\0shop\0work".to_vec()),
        (3, b"new\0shop\0x".to_vec()),
        (4, b"shop\0k".to_vec()),
    ];
    let mut worker = Worker::new();
    for (kind, key) in facts.clone() {
        let change = ledger::Change::SetFact { kind, key, value: vec![0xff; 3] };
        worker.ledger.commit(&[change]).expect("a commit");
    }
    worker.restart();
    let troubles = worker.engine.take_troubles();
    assert!(troubles.iter().all(|trouble| trouble.contains("left alone")), "{troubles:?}");
    assert_eq!(troubles.len(), 2, "{troubles:?}");
    worker.put(job("work"));
    worker.drain();
    for (kind, key) in facts {
        assert_eq!(worker.ledger.read().fact(kind, &key), Ok(Some(vec![0xff; 3])));
    }
}

fn facts(worker: &Worker) -> Vec<Vec<u8>> {
    use ledger::Ledger as _;
    let mut keys = Vec::new();
    let each = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    };
    worker.ledger.read().facts(3, each).expect("readable");
    keys
}

#[test]
fn a_job_under_three_limits_waits_for_each() {
    let release = limited_function(at_most(2)).queue("q", at_most(3));
    let mut worker = Worker::new().slots(9).release(release);
    let keys = ["a", "a", "b", "c"];
    let ids = keys.map(|key| worker.put(keyed(key, at_most(1)).queue("q")));
    assert_eq!(worker.step(), [ids[0], ids[2]]);
    worker.done(ids[2]);
    assert_eq!(worker.step(), [ids[3]]);
    worker.done(ids[3]);
    assert!(worker.step().is_empty());
    worker.done(ids[0]);
    assert_eq!(worker.step(), [ids[1]]);
}

#[test]
fn a_release_with_other_limits_takes_effect_at_once() {
    let mut worker = Worker::new().slots(9).release(limited_function(at_most(1)));
    let ids: Vec<_> = (0..4).map(|_| worker.put(job("work"))).collect();
    assert_eq!(worker.step(), [ids[0]]);
    worker.deploy(Some(limited_function(at_most(3))));
    assert_eq!(worker.step(), [ids[1], ids[2]]);
    worker.deploy(Some(limited_function(at_most(1))));
    worker.done(ids[0]);
    worker.done(ids[1]);
    assert!(worker.step().is_empty());
    worker.done(ids[2]);
    assert_eq!(worker.step(), [ids[3]]);
}

/// The ledger would refuse to know of its window, and with it whatever else is committed.
#[test]
fn a_function_whose_name_no_limit_can_bear_is_no_job() {
    let (long, longest) = ("f".repeat(1024), "f".repeat(512));
    let limited = |name: &str| {
        let rate = Some(Rate { count: 1, period_ms: 1000 });
        let job = JobOptions { rate, ..JobOptions::default() };
        protocol::Function { job, ..crate::worker::function(name, &[]) }
    };
    let release = Release::of(&["work"]).with(limited(&long)).with(limited(&longest));
    let mut worker = Worker::new().slots(9).release(release);
    let refusal = worker.try_put(job(&long)).unwrap_err();
    assert!(matches!(refusal, protocol::JobRefusal::NotCallable { .. }), "{refusal:?}");
    let ids = [worker.put(job(&longest)), worker.put(job("work"))];
    assert_eq!(worker.step(), ids);
}

#[test]
fn a_limit_of_nothing_lets_nothing_run() {
    let none = Rate { count: 0, period_ms: 1000 };
    for limits in [at_most(0), Limits { concurrency: None, rate: Some(none) }] {
        let mut worker = Worker::new().release(limited_function(limits));
        let id = worker.put(job("work"));
        assert!(worker.step_after(5000).is_empty());
        assert!(worker.why(id).contains("its limit is 0"), "{}", worker.why(id));
    }
}

#[test]
fn what_is_held_back_delays_nobody_else() {
    let release = limited_function(at_most(1)).queue("slow", at_most(1));
    let mut worker = Worker::new().slots(9).release(release);
    for _ in 0..50 {
        worker.put(job("work").queue("slow"));
        worker.put(job("work"));
        worker.put(job("other").queue("slow"));
    }
    worker.engine.pause(&app(), "slow");
    worker.step();
    let free = worker.put(job("other"));
    assert_eq!(worker.step(), [free]);
}
