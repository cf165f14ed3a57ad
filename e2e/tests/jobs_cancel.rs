//! Cancelling races with beginnings and ends: what the canceller was told is what becomes of the job, and
//! nobody else's is interrupted.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{Cancellation, JobId, JobOptions, JobReply, JobReport, JobRequest, JobState};
use std::collections::BTreeSet;

const ROUNDS: usize = 400;
/// A cancel comes after so many questions at most: from before the job begins to after its end.
const QUESTIONS_MAX: usize = 9;

const FUNCTIONS: &str = r#"<?php
function brief(): string {
    $id = (string) AppServer\Job::current()->id;
    file_put_contents(__DIR__ . '/began', "$id\n", FILE_APPEND | LOCK_EX);
    usleep(300);
    return $id;
}
function waits(): string {
    file_put_contents(__DIR__ . '/began', AppServer\Job::current()->attempt . "\n", FILE_APPEND | LOCK_EX);
    while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
    return 'went';
}
"#;

fn worker(executors: u32) -> Sidecar {
    let app = format!("[pools.jobs]\nexecutors.max = {executors}\n");
    Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", &app).start()
}

fn queue(wire: &mut JobsWire, function: &str) -> JobId {
    let options = JobOptions { keep_ms: Some(3_600_000), ..JobOptions::default() };
    match wire.queue(function, options).unwrap() {
        JobReply::Accepted { jobs, .. } => jobs[0].id,
        other => panic!("{other:?}"),
    }
}

fn cancel(wire: &mut JobsWire, id: JobId) -> bool {
    match wire.ask(&JobRequest::Cancel { id }).unwrap() {
        JobReply::Cancelled(told) => told == Cancellation::Done,
        other => panic!("{other:?}"),
    }
}

fn report(wire: &mut JobsWire, request: &JobRequest) -> JobReport {
    match wire.ask(request).unwrap() {
        JobReply::Job(Some(job)) => *job,
        other => panic!("{other:?}"),
    }
}

fn end_of(wire: &mut JobsWire, id: JobId) -> JobReport {
    report(wire, &JobRequest::Await { id, wait_ms: 30_000 })
}

fn began(worker: &Sidecar) -> Vec<String> {
    let text = std::fs::read_to_string(worker.app().join("began")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_cancel_at_any_moment_is_true_and_strikes_nobody_else() {
    let worker = worker(2);
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let (wanted, other) = (queue(&mut wire, "brief"), queue(&mut wire, "brief"));
        for _ in 0..round % QUESTIONS_MAX {
            report(&mut wire, &JobRequest::Find { id: wanted });
        }
        let found = cancel(&mut wire, wanted);
        let state = report(&mut wire, &JobRequest::Find { id: wanted }).state;
        told.push((wanted, found, state, other));
    }
    let mut prevented = BTreeSet::new();
    let mut counts = [0; 2];
    for (wanted, found, state, other) in told {
        let job = end_of(&mut wire, wanted);
        let expected = if found { JobState::Cancelled } else { JobState::Done };
        assert_eq!(job.state, expected, "cancelled: {found}, {job:?}");
        assert_eq!((job.failures, job.crashes), (0, 0), "{job:?}");
        assert!(!state.is_over() || state == expected, "{state:?} became {expected:?}");
        counts[usize::from(found)] += 1;
        if found && job.attempt == 0 {
            prevented.insert(wanted.to_string());
        }
        let other = end_of(&mut wire, other);
        assert_eq!((other.state, other.attempt), (JobState::Done, 1), "{other:?}");
    }
    assert!(counts.iter().all(|count| *count > 0), "each end comes about: {counts:?}");
    let began: BTreeSet<String> = began(&worker).into_iter().collect();
    assert!(began.is_disjoint(&prevented), "a job that never began has begun");
}

#[test]
fn a_cancel_that_was_told_outlives_the_worker() {
    let mut worker = worker(1);
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let running = queue(&mut wire, "waits");
    eventually("it runs", || (began(&worker).len() == 1).then_some(()));
    let waiting = queue(&mut wire, "waits");
    // The one that waits first: with the other one's end its turn may come.
    assert!(cancel(&mut wire, waiting) && cancel(&mut wire, running));
    worker.kill();
    std::fs::write(worker.app().join("go"), "").unwrap();
    worker.restart();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    for id in [running, waiting] {
        assert_eq!(end_of(&mut wire, id).state, JobState::Cancelled);
        assert!(!cancel(&mut wire, id), "it is over");
    }
    let next = queue(&mut wire, "waits");
    assert_eq!(end_of(&mut wire, next).state, JobState::Done);
    assert_eq!(began(&worker), ["1", "1"], "only the first and the last one began");
}
