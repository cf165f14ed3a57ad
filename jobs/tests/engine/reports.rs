//! What is told of a job.

use crate::worker::{With, Worker, job};
use protocol::{JobState, Outcome, Progress};

#[test]
fn a_report_tells_the_whole_life() {
    let mut worker = Worker::new();
    let tags = vec!["mail".to_owned()];
    let id = worker.put(job("work").priority(3).group("g").with(|o| o.tags = tags.clone()));
    let made_ms = worker.now.wall_ms;
    worker.step();
    let progress = Progress { done: 3, total: 10, message: "resizing".to_owned() };
    worker.engine.progress(id.seq(), 1, progress.clone());
    worker.engine.progress(id.seq(), 9, Progress::default());
    assert_eq!(worker.report(id).progress, Some(progress));
    worker.advance(40);
    worker.crash(id);
    worker.step();
    worker.done(id);
    let report = worker.report(id);
    assert_eq!((report.state, report.priority, report.made_ms), (JobState::Done, 3, made_ms));
    assert_eq!((report.group.as_deref(), report.tags), (Some("g"), tags));
    let attempts: Vec<_> =
        report.attempts.iter().map(|a| (a.number, a.took_ms, a.outcome)).collect();
    assert_eq!(attempts, [(1, 40, Outcome::Crashed), (2, 0, Outcome::Returned)]);
    assert_eq!(report.waits_for, "");
}

#[test]
fn why_a_job_waits() {
    let mut worker = Worker::new();
    let first = worker.put(job("work"));
    assert_eq!(worker.why(first), "it is its turn");
    worker.step();
    let second = worker.put(job("work"));
    let third = worker.put(job("work"));
    assert!(worker.why(second).contains("all 1 places"), "{}", worker.why(second));
    assert!(worker.why(third).contains("2 of its kind wait"), "{}", worker.why(third));
    let delayed = worker.put(job("work").delay(4500));
    assert!(worker.why(delayed).contains("delayed for another 5 s"), "{}", worker.why(delayed));
    worker.fail(first);
    assert!(worker.why(first).contains("attempt 1 has ended"), "{}", worker.why(first));
    let mut worker = worker.slots(0);
    assert!(worker.why(second).contains("no executor"), "{}", worker.why(second));
}

#[test]
fn only_the_last_attempts_are_told() {
    let mut worker = Worker::new();
    let id = worker.put(job("work").with(|o| o.crash_attempts = Some(60)));
    for _ in 0..50 {
        worker.step();
        worker.crash(id);
    }
    let report = worker.report(id);
    assert_eq!((report.attempts.len(), report.attempts[0].number), (20, 31));
}
