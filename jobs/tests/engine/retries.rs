//! Attempts, pauses between them, crashes, and time that is over.

use crate::worker::{With, Worker, job};
use jobs::Ended;
use protocol::{Backoff, JobState, Outcome};

#[test]
fn a_failed_job_runs_again_as_often_as_it_may() {
    let mut worker = Worker::new();
    let fixed = |o: &mut protocol::JobOptions| o.backoff = Some(Backoff::Fixed(50));
    let id = worker.put(job("work").attempts(3).with(fixed));
    for _ in 0..2 {
        assert_eq!(worker.step(), [id]);
        worker.fail(id);
        assert!(worker.step_after(49).is_empty());
        worker.advance(1);
    }
    assert_eq!(worker.step(), [id]);
    worker.fail(id);
    let report = worker.report(id);
    assert_eq!((report.state, report.failures, report.attempt), (JobState::Dead, 3, 3));
    assert!(report.waits_for.contains("failed 3 times"), "{}", report.waits_for);
    assert_eq!(report.attempts.len(), 3);
    assert_eq!(report.attempts[0].error, "no luck");
}

#[test]
fn pauses_come_from_a_list() {
    let mut worker = Worker::new();
    let list = |o: &mut protocol::JobOptions| o.backoff = Some(Backoff::List(vec![10, 1000]));
    let id = worker.put(job("work").attempts(9).with(list));
    for pause in [10, 1000, 1000] {
        assert_eq!(worker.step(), [id]);
        worker.fail(id);
        assert_eq!(worker.engine.quiet_ms(), Some(pause));
        worker.advance(pause);
    }
}

#[test]
fn exponential_pauses_are_shortened_at_random() {
    let mut worker = Worker::new();
    let backoff = Backoff::Exponential { base_ms: 1000, max_ms: 4000, jitter_percent: 50 };
    let id = worker.put(job("work").attempts(9).with(|o| o.backoff = Some(backoff)));
    for longest in [1000, 2000, 4000, 4000] {
        assert_eq!(worker.step(), [id]);
        worker.fail(id);
        let pause = worker.engine.quiet_ms().expect("it pauses");
        assert!((longest / 2..=longest).contains(&pause), "{pause} of {longest}");
        worker.advance(pause);
    }
}

#[test]
fn a_pause_outlives_a_restart() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").with(|o| o.backoff = Some(Backoff::Fixed(1000))));
    worker.step();
    worker.fail(id);
    worker.advance(300);
    worker.restart();
    assert!(worker.step_after(699).is_empty());
    assert_eq!(worker.step_after(1), [id]);
}

#[test]
fn crashes_count_apart_and_make_a_job_poison() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1).with(|o| o.crash_attempts = Some(2)));
    assert_eq!(worker.step(), [id]);
    worker.crash(id);
    assert_eq!(worker.step(), [id], "at once");
    worker.crash(id);
    let report = worker.report(id);
    assert_eq!((report.state, report.failures, report.crashes), (JobState::Dead, 0, 2));
    assert!(report.waits_for.contains("poison"), "{}", report.waits_for);
}

#[test]
fn an_attempt_is_told_what_went_wrong_since_somebody_asked_for_it() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(2).with(|o| o.backoff = Some(Backoff::Fixed(0))));
    let told = |worker: &Worker| {
        let context = &worker.running[&id].context;
        (context.attempt, context.failures, context.crashes)
    };
    worker.step();
    assert_eq!(told(&worker), (1, 0, 0));
    worker.end(id, Ended::Interrupted);
    worker.step();
    assert_eq!(told(&worker), (2, 0, 0));
    worker.crash(id);
    worker.step();
    assert_eq!(told(&worker), (3, 0, 1));
    worker.fail(id);
    worker.step();
    assert_eq!(told(&worker), (4, 1, 1));
    worker.fail(id);
    assert!(worker.retry(id));
    worker.step();
    assert_eq!(told(&worker), (5, 0, 0));
}

#[test]
fn an_attempt_that_a_restart_ended_counts_as_a_crash() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").with(|o| o.crash_attempts = Some(2)));
    worker.step();
    worker.restart();
    assert_eq!(worker.report(id).crashes, 1);
    assert_eq!(worker.step(), [id]);
    worker.restart();
    assert_eq!(worker.state(id), Some(JobState::Dead));
    assert_eq!(worker.report(id).attempts.len(), 2);
}

#[test]
fn a_stop_of_the_worker_costs_no_attempt() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1).with(|o| o.crash_attempts = Some(1)));
    worker.step();
    worker.end(id, Ended::Interrupted);
    assert_eq!(worker.step(), [id]);
    worker.done(id);
    assert_eq!(worker.state(id), Some(JobState::Done));
}

#[test]
fn what_did_not_begin_costs_no_attempt_and_is_tried_again_soon() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1).expires(5000));
    worker.step();
    worker.end(id, Ended::NotBegun("the release is changing".to_owned()));
    assert!(worker.step().is_empty());
    assert_eq!(worker.step_after(200), [id]);
    assert!(worker.report(id).attempts.is_empty());
    worker.end(id, Ended::NotBegun("the release is changing".to_owned()));
    worker.advance(5000);
    worker.step();
    assert_eq!(worker.state(id), Some(JobState::Dead), "it never began");
}

#[test]
fn a_late_finisher_changes_nothing() {
    let mut worker = Worker::new();
    let id = worker.put(job("work"));
    worker.step();
    let first = worker.running[&id].clone();
    worker.crash(id);
    worker.step();
    let second = worker.running[&id].context.attempt;
    assert!(second > first.context.attempt);
    assert!(!worker.engine.finish(first.seq, first.context.attempt, Ended::Returned(vec![])));
    assert_eq!(worker.state(id), Some(JobState::Running));
    worker.done(id);
    assert!(!worker.engine.finish(first.seq, second, Ended::Failed("late".to_owned())));
    assert_eq!(worker.state(id), Some(JobState::Done));
}

#[test]
fn an_executor_that_goes_on_while_the_engine_is_made_anew_keeps_its_attempt() {
    let mut worker = Worker::new();
    let id = worker.put(job("work"));
    worker.step();
    worker.reopen();
    assert_eq!(worker.state(id), Some(JobState::Running));
    assert!(worker.step().is_empty(), "it runs already");
    worker.done(id);
    assert_eq!(worker.report(id).crashes, 0);
}

#[test]
fn nothing_of_a_failed_commit_happened() {
    let mut worker = Worker::new();
    let id = worker.put(job("work"));
    worker.fail_next_commit();
    assert!(worker.step().is_empty());
    assert_eq!(worker.state(id), Some(JobState::Waiting));
    assert_eq!(worker.step(), [id]);
}

#[test]
fn a_job_whose_time_is_over_does_not_begin() {
    for (queue, paused) in [("default", false), ("still", true)] {
        let mut worker = Worker::new().slots(0);
        if paused {
            worker.engine.pause(&crate::worker::app(), queue);
        }
        let id = worker.put(job("work").queue(queue).expires(1000));
        let grouped = worker.put(job("work").queue(queue).expires(1000).group("g"));
        let next = worker.put(job("work").queue(queue).group("g"));
        assert_eq!(worker.engine.quiet_ms(), Some(1000));
        worker.step_after(1000);
        for id in [id, grouped] {
            let report = worker.report(id);
            assert_eq!(report.state, JobState::Dead);
            assert_eq!(report.attempts[0].outcome, Outcome::Expired);
        }
        worker.engine.resume(&crate::worker::app(), queue);
        let mut worker = worker.slots(1);
        assert_eq!(worker.step(), [next]);
    }
}

#[test]
fn a_job_that_began_in_time_is_retried_after_it() {
    let mut worker = Worker::new();
    let pause = |o: &mut protocol::JobOptions| o.backoff = Some(Backoff::Fixed(5000));
    let id = worker.put(job("work").expires(1000).with(pause));
    worker.step();
    worker.fail(id);
    assert_eq!(worker.step_after(5000), [id]);
}

#[test]
fn an_error_without_end_does_not_fill_the_ledger() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1));
    worker.step();
    worker.end(id, Ended::Failed("ä".repeat(1 << 20)));
    let report = worker.report(id);
    assert!(report.attempts[0].error.len() <= 4 << 10);
    assert!(report.waits_for.len() <= 1 << 10);
    worker.restart();
    assert_eq!(worker.state(id), Some(JobState::Dead));
}

#[test]
fn a_result_that_cannot_be_stored_is_a_failure() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").attempts(1));
    worker.step();
    worker.end(id, Ended::Returned(vec![0; ledger::PART_BYTES_MAX]));
    let report = worker.report(id);
    assert_eq!((report.state, report.failures), (JobState::Dead, 1));
    assert_eq!(report.attempts[0].outcome, Outcome::Failed);
    assert!(report.waits_for.contains("return a path or a key"), "{}", report.waits_for);
}
