//! Cancelled, retried and deleted jobs.

use crate::worker::{Release, With, Worker, job};
use jobs::{Cancelled, Ended, Settings};
use protocol::JobState;

#[test]
fn a_job_that_waits_never_runs() {
    let mut worker = Worker::new();
    let plain = worker.put(job("work"));
    let delayed = worker.put(job("work").delay(1000));
    let grouped = worker.put(job("work").group("g"));
    for id in [plain, delayed, grouped] {
        assert_eq!(worker.cancel(id), Cancelled::Prevented);
        assert_eq!(worker.cancel(id), Cancelled::TooLate);
    }
    assert!(worker.step_after(5000).is_empty());
    assert_eq!(worker.engine.queues()[0].waiting, 0);
    assert_eq!(worker.engine.bytes(), 0);
}

#[test]
fn a_running_job_is_interrupted_and_what_it_returns_counts_no_more() {
    let mut worker = Worker::new().release(Release::of(&["work", "next"]));
    let mut chain = job("work");
    chain.then = vec![job("next")];
    let id = worker.put(chain);
    worker.step();
    assert_eq!(worker.cancel(id), Cancelled::Interrupted);
    assert_eq!(worker.engine.take_interrupts(), [id.seq()]);
    worker.done(id);
    let report = worker.report(id);
    assert_eq!((report.state, report.result), (JobState::Cancelled, None));
    assert!(worker.step().is_empty(), "its chain ends");
}

#[test]
fn a_running_job_that_was_cancelled_stays_so() {
    let mut worker = Worker::new();
    let id = worker.put(job("work"));
    worker.step();
    worker.cancel(id);
    worker.engine.take_interrupts();
    worker.reopen();
    assert_eq!(worker.engine.take_interrupts(), [id.seq()], "it is to be interrupted still");
    worker.restart();
    assert_eq!(worker.state(id), Some(JobState::Cancelled));
    assert!(worker.step().is_empty());
}

#[test]
fn every_end_of_a_cancelled_attempt_is_that() {
    for end in [
        Ended::Failed("f".to_owned()),
        Ended::TimedOut("t".to_owned()),
        Ended::Crashed("c".to_owned()),
        Ended::Interrupted,
        Ended::NotBegun("n".to_owned()),
    ] {
        let mut worker = Worker::new();
        let id = worker.put(job("work"));
        worker.step();
        worker.cancel(id);
        worker.end(id, end);
        assert_eq!(worker.state(id), Some(JobState::Cancelled));
    }
}

#[test]
fn an_id_of_another_job_finds_nothing() {
    let mut worker = Worker::new();
    let id = worker.put(job("work"));
    let forged = protocol::JobId::new(id.at_ms(), id.tag(), id.salt() ^ 1, id.seq());
    assert_eq!(worker.cancel(forged), Cancelled::TooLate);
    assert!(!worker.delete(forged));
    assert!(worker.find(forged).is_none());
    assert_eq!(worker.drain(), [id]);
}

#[test]
fn a_job_that_is_over_can_run_again() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1));
    assert!(!worker.retry(id), "it waits");
    worker.step();
    worker.fail(id);
    assert!(worker.retry(id));
    assert_eq!(worker.report(id).failures, 0);
    assert_eq!(worker.step(), [id]);
    worker.fail(id);
    worker.restart();
    assert!(worker.retry(id));
    assert_eq!(worker.drain(), [id]);
    worker.step_after(Settings::default().keep_ms);
    assert!(worker.find(id).is_none(), "kept by its last end, not by the first");
}

#[test]
fn a_deleted_job_is_gone() {
    for keep_ms in [0, 1000] {
        let mut worker = Worker::with(Settings { keep_ms, ..Settings::default() });
        let waits = worker.put(job("work").delay(1000));
        let dead = worker.put(job("work").attempts(1));
        worker.step();
        worker.fail(dead);
        let runs = worker.put(job("work"));
        worker.step();
        for (id, deleted) in [(waits, true), (dead, true), (runs, false)] {
            assert_eq!(worker.delete(id), deleted);
            assert_eq!(worker.find(id).is_none(), deleted);
            assert!(!worker.delete(id));
        }
        worker.restart();
        assert!(worker.find(waits).is_none());
        assert!(worker.step_after(2000).contains(&runs));
    }
}

#[test]
fn a_damaged_job_is_left_alone_and_can_be_deleted() {
    use ledger::{Change, Ledger as _};
    let mut worker = Worker::new();
    let good = worker.put(job("work"));
    let entry = worker.ledger.read().entry(good.seq()).expect("readable").expect("there");
    let seq = good.seq() + 1;
    let (state, head) = (entry.state, entry.head);
    let change = Change::Insert { seq, state, head, body: vec![0xff] };
    worker.ledger.commit(&[change]).expect("commits");
    worker.restart();
    assert_eq!(worker.drain(), [good]);
    assert_eq!(worker.engine.take_troubles().len(), 1);
    let damaged = protocol::JobId::new(good.at_ms(), good.tag(), good.salt(), seq);
    let unknown = protocol::JobId::new(good.at_ms(), good.tag(), good.salt() ^ 1, seq);
    assert!(worker.find(unknown).is_none());
    assert!(worker.why(damaged).contains("damaged"), "{}", worker.why(damaged));
    assert!(worker.delete(damaged));
    assert!(worker.find(damaged).is_none());
    let queue = worker.engine.queues().remove(0);
    assert_eq!((queue.waiting, queue.running, worker.engine.bytes()), (0, 0, 0));
}

#[test]
fn damage_of_one_job_is_no_matter_of_others() {
    use ledger::{Change, Ledger as _};
    let mut worker = Worker::new();
    let good = worker.put(job("work"));
    let entry = worker.ledger.read().entry(good.seq()).expect("readable").expect("there");
    let (seq, state) = (good.seq() + 1, entry.state);
    let insert = Change::Insert { seq, state, head: vec![0xff], body: entry.body };
    let update =
        Change::Update { seq: good.seq(), state, head: entry.head, tail: Some(vec![0xff]) };
    worker.ledger.commit(&[insert, update]).expect("commits");
    worker.restart();
    let damaged = protocol::JobId::new(good.at_ms(), good.tag(), good.salt(), seq);
    assert!(worker.find(damaged).is_none());
    assert_eq!(worker.cancel(damaged), Cancelled::TooLate);
    assert_eq!(worker.drain(), [good], "of this one only the history is lost");
}
