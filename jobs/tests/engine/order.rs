//! Whose turn it is.

use crate::worker::{With, Worker, job};

#[test]
fn first_come_first_served() {
    let mut worker = Worker::new();
    let jobs: Vec<_> = (0..5).map(|_| worker.put(job("work"))).collect();
    assert_eq!(worker.drain(), jobs);
}

#[test]
fn a_delayed_job_waits_for_its_time() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").delay(1000));
    assert!(worker.step().is_empty());
    assert!(worker.step_after(999).is_empty());
    assert_eq!(worker.engine.quiet_ms(), Some(1));
    assert_eq!(worker.step_after(1), [id]);
}

#[test]
fn a_job_runs_at_its_date() {
    let mut worker = Worker::new();
    let at = worker.now.wall_ms + 5000;
    let id = worker.put(job("work").with(|o| o.run_at_ms = Some(at)));
    let past = worker.put(job("work").with(|o| o.run_at_ms = Some(at - 10_000)));
    assert_eq!(worker.step(), [past]);
    worker.done(past);
    assert!(worker.step_after(4999).is_empty());
    assert_eq!(worker.step_after(1), [id]);
}

#[test]
fn a_delay_outlives_a_restart() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").delay(1000));
    worker.advance(400);
    worker.restart();
    assert!(worker.step_after(599).is_empty());
    assert_eq!(worker.step_after(1), [id]);
}

#[test]
fn higher_priorities_come_first() {
    let mut worker = Worker::new();
    let ids: Vec<_> =
        [0, 5, -3, 127, 5].iter().map(|p| worker.put(job("work").priority(*p))).collect();
    let order = [3, 1, 4, 0, 2].map(|at| ids[at]);
    assert_eq!(worker.drain(), order);
}

#[test]
fn no_job_starves_however_many_come_that_are_more_urgent() {
    let mut worker = Worker::new();
    let poor = worker.put(job("work").priority(-5));
    for minute in 0.. {
        assert!(minute < 30, "starved");
        worker.put(job("work").priority(5));
        if worker.step() == [poor] {
            break;
        }
        worker.drain();
        if worker.state(poor) == Some(protocol::JobState::Done) {
            break;
        }
        worker.advance(20_000);
        (0..3).for_each(|_| {
            worker.put(job("work").priority(5));
        });
    }
    assert_eq!(worker.state(poor).map(protocol::JobState::is_over), Some(true));
}

#[test]
fn a_priority_is_worth_a_bounded_time_of_waiting() {
    let mut worker = Worker::new();
    let old = worker.put(job("work").priority(0));
    worker.advance(9_999);
    let urgent = worker.put(job("work").priority(1));
    worker.advance(2);
    let late = worker.put(job("work").priority(1));
    assert_eq!(worker.drain(), [urgent, old, late]);
}

#[test]
fn a_job_that_was_delayed_for_years_changes_nobodys_turn() {
    let mut worker = Worker::new();
    let year = 365 * 24 * 3_600_000;
    worker.put(job("work").delay(year));
    let at = worker.now.wall_ms + year;
    worker.put(job("work").with(|o| o.run_at_ms = Some(at)));
    let old = worker.put(job("work"));
    worker.restart();
    let urgent = worker.put(job("work").priority(1));
    assert_eq!(worker.drain(), [urgent, old]);
}

#[test]
fn as_many_run_as_there_are_places() {
    let mut worker = Worker::new().slots(3);
    let ids: Vec<_> = (0..5).map(|_| worker.put(job("work"))).collect();
    assert_eq!(worker.step(), ids[..3]);
    assert!(worker.step().is_empty());
    worker.done(ids[1]);
    assert_eq!(worker.step(), [ids[3]]);
}
