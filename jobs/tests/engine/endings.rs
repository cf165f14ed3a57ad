//! What a job says of itself by the exception that it throws.

use crate::worker::{With, Worker, job};
use jobs::Ended;
use ledger::{Ledger, States};
use protocol::{Backoff, JobState, NewBatch, NewJob, Outcome};
use std::ops::ControlFlow;

fn again(after_ms: Option<u64>, counts: bool) -> Ended {
    Ended::Again { after_ms, counts, error: "not yet".to_owned() }
}

fn waits(ms: u64) -> impl FnOnce(&mut protocol::JobOptions) {
    move |options| options.backoff = Some(Backoff::Fixed(ms))
}

/// Bytes of all that the ledger has of jobs.
fn stored_bytes(worker: &Worker) -> usize {
    let reader = worker.ledger.read();
    let mut seqs = Vec::new();
    let each = &mut |row: ledger::Row<'_>| {
        seqs.push(row.seq);
        ControlFlow::Continue(())
    };
    reader.scan(0, States::ALL, each).expect("readable");
    let entries = seqs.into_iter().filter_map(|seq| reader.entry(seq).expect("readable"));
    let bytes = |entry: ledger::Entry| {
        entry.head.len() + entry.body.len() + entry.tail.map_or(0, |tail| tail.len())
    };
    entries.map(bytes).sum()
}

#[test]
fn one_that_gives_up_is_dead_at_once() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(5));
    worker.step();
    worker.end(id, Ended::GaveUp("no such customer".to_owned()));
    let report = worker.report(id);
    assert_eq!((report.state, report.failures), (JobState::Dead, 1));
    assert_eq!(report.waits_for, "it gave up: no such customer");
    assert_eq!(report.attempts[0].outcome, Outcome::Failed);
    assert_eq!(worker.engine.totals().failed, 1);
    worker.restart();
    assert_eq!(worker.state(id), Some(JobState::Dead));
    assert!(worker.retry(id), "an administrator may know better");
    assert_eq!(worker.step(), [id]);
}

#[test]
fn a_batch_counts_one_that_gives_up_as_failed() {
    let mut worker = Worker::new();
    let jobs = vec![job("work").attempts(5), job("work").delay(5000)];
    let made = worker.try_put_all(jobs, Some(NewBatch::default())).unwrap();
    worker.step();
    worker.end(made.jobs[0].id, Ended::GaveUp("never".to_owned()));
    assert_eq!(worker.state(made.jobs[1].id), Some(JobState::Cancelled));
}

#[test]
fn one_that_puts_itself_back_waits_as_long_as_it_says_and_loses_no_attempt() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1).expires(1000).with(waits(7000)));
    worker.step();
    worker.end(id, again(Some(3000), false));
    assert!(worker.why(id).contains("the next one is in 3 s"), "{}", worker.why(id));
    assert!(worker.step_after(2999).is_empty());
    assert_eq!(worker.step_after(1), [id]);
    worker.end(id, again(None, false));
    assert!(worker.step_after(6999).is_empty(), "its back-off");
    assert_eq!(worker.step_after(1), [id]);
    let report = worker.report(id);
    assert_eq!((report.failures, report.attempt), (0, 3));
    assert_eq!(report.attempts[1].outcome, Outcome::Released);
    assert_eq!(report.attempts[1].error, "not yet");
    worker.fail(id);
    assert_eq!(worker.state(id), Some(JobState::Dead), "its only attempt");
}

#[test]
fn one_that_counts_itself_as_failed_is_dead_in_the_end() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(2).with(waits(7000)));
    worker.step();
    worker.end(id, again(Some(0), true));
    assert_eq!(worker.step(), [id]);
    worker.end(id, again(Some(0), true));
    let report = worker.report(id);
    assert_eq!((report.state, report.failures), (JobState::Dead, 2));
    assert_eq!(report.attempts[0].outcome, Outcome::Failed);
}

#[test]
fn one_that_puts_itself_back_at_once_leaves_others_a_turn() {
    let mut worker = Worker::new();
    let [id, other] = [worker.put(job("work").priority(100)), worker.put(job("work"))];
    assert_eq!(worker.step(), [id]);
    worker.end(id, again(Some(0), false));
    assert_eq!(worker.step(), [other]);
    worker.done(other);
    assert!(worker.step_after(99).is_empty());
    assert_eq!(worker.step_after(1), [id]);
}

#[test]
fn a_pause_without_end_is_one_of_ten_years() {
    let mut worker = Worker::new();
    let id = worker.put(job("work"));
    worker.step();
    worker.end(id, again(Some(u64::MAX), false));
    assert_eq!(worker.state(id), Some(JobState::Waiting));
    assert!(worker.report(id).due_ms <= worker.now.wall_ms + 10 * 366 * 24 * 3_600_000);
}

#[test]
fn one_that_was_cancelled_meanwhile_is_cancelled() {
    for ended in [again(Some(0), false), again(None, true), Ended::GaveUp("no".to_owned())] {
        let mut worker = Worker::new();
        let id = worker.put(job("work"));
        worker.step();
        worker.cancel(id);
        worker.end(id, ended);
        assert_eq!(worker.state(id), Some(JobState::Cancelled));
    }
}

#[test]
fn one_that_puts_itself_back_for_ever_grows_nothing() {
    let mut worker = Worker::new();
    let then = vec![NewJob { arguments: vec![7; 100], ..job("work") }];
    let id = worker.put(NewJob { then, ..job("work").group("g") });
    let mut after_20 = 0;
    for n in 0..2000 {
        assert_eq!(worker.step_after(100), [id]);
        worker.end(id, again(Some(100), false));
        if n == 40 {
            after_20 = stored_bytes(&worker);
        }
    }
    let report = worker.report(id);
    assert_eq!((report.attempt, report.attempts.len(), report.failures), (2000, 20, 0));
    let grown = stored_bytes(&worker);
    // Numbers of attempts take a byte more.
    assert!(grown <= after_20 + 100, "{grown} bytes after {after_20}");
}
