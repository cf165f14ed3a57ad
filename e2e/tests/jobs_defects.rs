//! A round of what keeps jobs is cut short by a defect of the program, after its commit: whoever awaits what
//! ended in it is told when all is taken up anew.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{JobId, JobOptions, JobReply, JobRequest, JobState, NewBatch, NewJob};
use std::path::Path;
use std::thread;

const FUNCTIONS: &str = r#"<?php
function waits(): string {
    while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
    return 'went';
}
"#;

/// Where the round breaks: when the end is committed, or later, before anybody is told of it.
const AT_COMMIT: &str = "jobs.defect_at_end";
const TELLING: &str = "jobs.defect_telling";
/// Longer than anybody reads for an answer.
const WAIT_MS: u64 = 3_600_000;

/// A worker in which the round breaks in which the first attempt's end is committed.
fn worker(breaks: &str) -> Sidecar {
    let worker = Sidecar::builder().file("functions.php", FUNCTIONS);
    worker.env("APPSERVER_FAULT_POINT", breaks).start()
}

/// Queues a batch with one job in it.
fn queue(worker: &Sidecar, keep_ms: u64) -> (JobId, JobId) {
    let options = JobOptions { keep_ms: Some(keep_ms), ..JobOptions::default() };
    let (function, arguments) = ("waits".to_owned(), vec![0, 0]);
    let jobs = vec![NewJob { function, arguments, options, ..NewJob::default() }];
    let request = JobRequest::Enqueue { jobs, batch: Some(Box::new(NewBatch::default())) };
    match JobsWire::connect(&worker.socket()).unwrap().ask(&request).unwrap() {
        JobReply::Accepted { jobs, batch: Some(batch) } => (jobs[0].id, batch),
        other => panic!("{other:?}"),
    }
}

fn ask(socket: &Path, request: &JobRequest) -> JobReply {
    JobsWire::connect(socket).unwrap().ask(request).unwrap()
}

fn assert_awaiters_are_told(breaks: &str, keep_ms: u64) {
    let worker = worker(breaks);
    let (id, batch) = queue(&worker, keep_ms);
    let asks = |request| {
        thread::spawn({
            let socket = worker.socket();
            move || ask(&socket, &request)
        })
    };
    let job = asks(JobRequest::Await { id, wait_ms: WAIT_MS });
    let batch = asks(JobRequest::AwaitBatch { id: batch, wait_ms: WAIT_MS });
    eventually("both are awaited", || (worker.status()["jobs"]["awaiting"] == 2).then_some(()));
    std::fs::write(worker.app().join("go"), "").unwrap();
    let (job, batch) = (job.join().unwrap(), batch.join().unwrap());
    let log = worker.log();
    assert!(log.contains("a defect of the worker: the defect that a test asked for"), "{log}");
    let JobReply::Job(Some(job)) = job else { panic!("{job:?}") };
    assert_eq!((job.id, job.state, job.attempt), (id, JobState::Done, 1));
    assert!(job.result.is_some_and(|result| result.ends_with(b"went")));
    let JobReply::Batch(Some(batch)) = batch else { panic!("{batch:?}") };
    assert_eq!((batch.total, batch.done), (1, 1));
    eventually("nobody is taken to wait", || {
        (worker.status()["jobs"]["awaiting"] == 0).then_some(())
    });
}

#[test]
fn whoever_awaits_what_ended_in_a_round_that_broke_is_told() {
    assert_awaiters_are_told(AT_COMMIT, 3_600_000);
}

#[test]
fn so_is_whoever_awaits_a_job_that_is_not_kept() {
    assert_awaiters_are_told(AT_COMMIT, 0);
}

#[test]
fn a_job_that_is_not_kept_is_told_of_also_when_the_telling_broke() {
    assert_awaiters_are_told(TELLING, 0);
}
