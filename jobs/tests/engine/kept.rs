//! What is over is kept for a time.

use crate::worker::{With, Worker, job};
use jobs::{Ended, Settings};
use protocol::JobState;

#[test]
fn a_result_is_kept_for_its_time() {
    let mut worker = Worker::new();
    let short = worker.put(job("work").with(|o| o.keep_ms = Some(100)));
    let long = worker.put(job("work").with(|o| o.keep_ms = Some(1000)));
    worker.drain();
    assert_eq!(worker.report(short).result.as_deref(), Some(b"result".as_slice()));
    worker.step_after(100);
    assert!(worker.find(short).is_none());
    worker.restart();
    worker.step_after(899);
    assert!(worker.find(long).is_some());
    worker.step_after(1);
    assert!(worker.find(long).is_none());
}

#[test]
fn one_that_is_not_kept_is_gone_at_its_end() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").with(|o| o.keep_ms = Some(0)));
    worker.step();
    worker.done(id);
    assert!(worker.find(id).is_none());
    assert_eq!(worker.engine.take_over(), [id.seq()]);
    // Whoever awaits it is told, all the same.
    let [told] = worker.engine.take_unkept().try_into().unwrap();
    let result = told.result.as_deref();
    assert_eq!((told.id, told.state, result), (id, JobState::Done, Some(b"result".as_slice())));
}

#[test]
fn dead_ones_are_kept_longer() {
    let settings = Settings { keep_ms: 100, keep_dead_ms: 1000, ..Settings::default() };
    let mut worker = Worker::with(settings);
    let id = worker.put(job("work").attempts(1));
    worker.step();
    worker.fail(id);
    worker.restart();
    worker.step_after(999);
    assert_eq!(worker.state(id), Some(JobState::Dead));
    worker.step_after(1);
    assert!(worker.find(id).is_none());
}

#[test]
fn no_more_are_kept_than_may_be() {
    let mut worker = Worker::with(Settings { kept_max: 3, ..Settings::default() });
    let done: Vec<_> = (0..5)
        .map(|_| {
            let id = worker.put(job("work"));
            worker.step();
            worker.done(id);
            worker.advance(1);
            id
        })
        .collect();
    let dead: Vec<_> = (0..5)
        .map(|_| {
            let id = worker.put(job("work").attempts(1));
            worker.step();
            worker.end(id, Ended::Failed("no".to_owned()));
            worker.advance(1);
            id
        })
        .collect();
    worker.step();
    for ids in [done, dead] {
        let kept: Vec<_> = ids.iter().map(|id| worker.find(*id).is_some()).collect();
        assert_eq!(kept, [false, false, true, true, true]);
    }
}

/// Each removal is another page of the file: with every job that ends there would be one in every commit.
#[test]
fn of_too_many_some_more_are_removed_together() {
    let mut worker = Worker::with(Settings { kept_max: 32, ..Settings::default() });
    let mut done = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..37 {
        let id = worker.put(job("work"));
        worker.step();
        worker.done(id);
        worker.advance(1);
        worker.step();
        done.push(id);
        kept.push(done.iter().filter(|id| worker.find(**id).is_some()).count());
    }
    assert_eq!(kept[30..], [31, 32, 30, 31, 32, 30, 31]);
    assert!(worker.find(done[36]).is_some());
    assert!(worker.find(done[0]).is_none());
}
