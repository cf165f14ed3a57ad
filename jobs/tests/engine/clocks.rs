//! The wall clock jumps.

use crate::worker::{Release, With, Worker, app, function, job};
use jobs::Settings;
use protocol::{Backoff, JobOptions, JobState, Rate};

const HOUR: i64 = 3_600_000;

#[test]
fn a_delay_is_neither_shortened_nor_lengthened() {
    for jump in [HOUR, -HOUR] {
        let mut worker = Worker::new();
        let delayed = worker.put(job("work").delay(1000));
        worker.jump(jump);
        assert!(worker.step_after(999).is_empty());
        assert_eq!(worker.step_after(1), [delayed]);
    }
}

#[test]
fn a_restart_after_a_jump_back_lengthens_no_pause() {
    let mut worker = Worker::new();
    let delayed = worker.put(job("work").delay(1000));
    let failed = worker.put(job("work").with(|o| o.backoff = Some(Backoff::Fixed(500))));
    worker.step();
    worker.fail(failed);
    worker.jump(-24 * HOUR);
    worker.restart();
    assert_eq!(worker.step_after(500), [failed]);
    worker.done(failed);
    assert_eq!(worker.step_after(500), [delayed]);
}

#[test]
fn a_date_is_a_date() {
    let mut worker = Worker::new();
    let at = worker.now.wall_ms + 3_600_000;
    let id = worker.put(job("work").with(|o| o.run_at_ms = Some(at)));
    assert!(worker.engine.quiet_ms().expect("it looks") <= 10_000, "somebody may set the clock");
    worker.jump(-HOUR);
    assert!(worker.step_after(3_600_000).is_empty());
    worker.jump(HOUR);
    assert_eq!(worker.step(), [id]);
}

#[test]
fn turns_are_the_same_on_any_clock() {
    for jump in [HOUR, -HOUR] {
        let mut worker = Worker::new();
        let first = worker.put(job("work"));
        worker.jump(jump);
        let second = worker.put(job("work"));
        let urgent = worker.put(job("work").priority(1));
        worker.restart();
        let third = worker.put(job("work"));
        assert_eq!(worker.drain(), [urgent, first, second, third], "{jump}");
    }
}

#[test]
fn limits_hold_on_any_clock() {
    for jump in [HOUR, -HOUR] {
        let mut work = function("work", &[]);
        let rate = Some(Rate { count: 1, period_ms: 1000 });
        work.job = JobOptions { rate, ..JobOptions::default() };
        let mut worker = Worker::new().release(Release::default().with(work));
        let first = worker.put(job("work"));
        let second = worker.put(job("work"));
        worker.step();
        worker.done(first);
        worker.jump(jump);
        assert!(worker.step_after(999).is_empty());
        assert_eq!(worker.step_after(1), [second]);
    }
}

#[test]
fn time_that_is_over_is_time_that_passed() {
    for jump in [HOUR, -HOUR] {
        let mut worker = Worker::new();
        worker.engine.pause(&app(), "default");
        let id = worker.put(job("work").expires(1000));
        worker.jump(jump);
        worker.step_after(999);
        assert_eq!(worker.state(id), Some(JobState::Waiting));
        worker.step_after(1);
        assert_eq!(worker.state(id), Some(JobState::Dead));
    }
}

#[test]
fn what_is_over_is_kept_for_its_time() {
    for jump in [HOUR, -HOUR] {
        let mut worker = Worker::new();
        let id = worker.put(job("work"));
        worker.drain();
        worker.jump(jump);
        worker.step_after(Settings::default().keep_ms - 1);
        assert_eq!(worker.state(id), Some(JobState::Done));
        worker.step_after(1);
        assert_eq!(worker.state(id), None);
    }
}
