//! Limits of what clients may have the worker hold for jobs: connections, memory, and queues.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{
    Header, JobOptions, JobRefusal, JobReply, JobRequest, Kind, NewJob, body_to_vec, control_frame,
};

const FUNCTIONS: &str = r#"<?php
function one(): int { return 1; }
function add(int $a, int $b): int { return $a + $b; }
function large(): string { return str_repeat('x', 300_000); }
"#;

fn worker(config: &str) -> Sidecar {
    Sidecar::builder().file("functions.php", FUNCTIONS).config(config).start()
}

fn queues(wire: &mut JobsWire) -> JobReply {
    wire.queue("one", JobOptions::default()).unwrap()
}

fn send(wire: &mut JobsWire, request: &JobRequest) {
    wire.send(&control_frame(Header::new(Kind::JobRequest, 9), request)).unwrap();
}

#[test]
fn the_largest_request_fits_where_there_is_room_for_one_alone() {
    const MOST: usize = 65_536;
    let limits = format!("[limits]\nframe_bytes_max = {MOST}\njob_bytes_max = {MOST}\n");
    let worker = worker(&limits);
    let request = |bytes: usize| {
        let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
        let (function, arguments) = ("one".to_owned(), vec![0; bytes]);
        let job = NewJob { function, arguments, options, ..NewJob::default() };
        JobRequest::Enqueue { jobs: vec![job], batch: None }
    };
    let length = |bytes: usize| body_to_vec(&request(bytes)).len();
    let most = MOST - (length(60_000) - 60_000);
    assert_eq!(length(most), MOST);
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let told = wire.ask(&request(most)).unwrap();
    assert!(matches!(told, JobReply::Accepted { .. }), "{told:?}");
}

#[test]
fn small_jobs_are_counted_by_what_they_take_of_memory() {
    let limits = "[limits]\nframe_bytes_max = 262144\njob_bytes_max = 1048576\n";
    let worker = worker(limits);
    let jobs = |count: usize| {
        let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
        let (function, arguments) = ("one".to_owned(), vec![0, 0]);
        let job = NewJob { function, arguments, options, ..NewJob::default() };
        JobRequest::Enqueue { jobs: vec![job; count], batch: None }
    };
    assert!(body_to_vec(&jobs(5_000)).len() < 262_144, "they fit in a frame");
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let told = wire.ask(&jobs(5_000)).unwrap();
    let JobReply::Refused(JobRefusal::Unavailable { reason }) = &told else { panic!("{told:?}") };
    assert!(reason.contains("limits.job_bytes_max"), "{reason}");
    // What was refused holds nothing.
    for _ in 0..3 {
        let told = wire.ask(&jobs(1_000)).unwrap();
        assert!(matches!(told, JobReply::Accepted { .. }), "{told:?}");
    }
}

#[test]
fn answers_that_nobody_reads_leave_room_for_what_is_stored() {
    let limits = "frame_bytes_max = 1048576\njob_bytes_max = 1048576\nframe_timeout_ms = 4000000\n";
    let worker = worker(&format!("[limits]\n{limits}"));
    let socket = worker.socket();
    let mut wire = JobsWire::connect(&socket).unwrap();
    let kept = JobOptions { keep_ms: Some(3_600_000), ..JobOptions::default() };
    let JobReply::Accepted { jobs, .. } = wire.queue("large", kept).unwrap() else {
        panic!("not queued");
    };
    let id = jobs[0].id;
    let ended = wire.ask(&JobRequest::Await { id, wait_ms: 30_000 }).unwrap();
    assert!(matches!(ended, JobReply::Job(Some(_))), "{ended:?}");
    let mut unread = Vec::new();
    let refused = eventually("further answers are refused", || {
        let mut other = JobsWire::connect(&socket).unwrap();
        send(&mut other, &JobRequest::Find { id });
        unread.push(other);
        match wire.ask(&JobRequest::Find { id }).unwrap() {
            JobReply::Refused(JobRefusal::Unavailable { reason }) => Some(reason),
            _ => None,
        }
    });
    assert!(refused.contains("limits.job_bytes_max"), "{refused}");
    assert!(unread.len() >= 3, "there was room for {}", unread.len());
    let stored = queues(&mut wire);
    assert!(
        matches!(stored, JobReply::Accepted { .. }),
        "it cannot be asked for again: {stored:?}"
    );
    for mut other in unread {
        assert_eq!(other.frame().unwrap().0.kind, Kind::JobReply);
    }
    eventually("there is room again", || {
        let told = wire.ask(&JobRequest::Find { id }).unwrap();
        matches!(told, JobReply::Job(Some(_))).then_some(())
    });
}

#[test]
fn who_is_one_too_many_is_told_so() {
    let worker = worker("[limits]\nconnections_max = 20\n");
    let mut open: Vec<JobsWire> =
        (0..20).map(|_| JobsWire::connect(&worker.socket()).unwrap()).collect();
    let refused = worker.php(
        "try { appserver_queue('one'); }
         catch (AppServer\\RefusedException $e) { echo $e->getMessage(); }",
    );
    let refused = refused.ok();
    assert!(refused.contains("20 connections for jobs are open"), "{refused}");
    assert!(refused.contains("limits.connections_max"), "{refused}");
    open.pop();
    eventually("there is room for another", || {
        let queued = worker.php("appserver_queue('one');");
        queued.success.then_some(())
    });
    assert!(matches!(queues(&mut open[0]), JobReply::Accepted { .. }), "the others go on");
}

#[test]
fn a_full_queue_refuses_by_number_and_by_bytes() {
    let worker = worker("[jobs]\nqueue_len_max = 5\nqueue_bytes_max = 100000\n");
    let out = worker.php(
        r#"$queue = fn(mixed ...$arguments) => AppServer\queue('add', $arguments, delay: 3600);
           for ($i = 0; $i < 5; $i++) { $queue($i, 1); }
           try { $queue(1, 2); } catch (AppServer\QueueFullException $e) { echo $e->getMessage(), "\n"; }
           try { AppServer\queue('add', [1, str_repeat('x', 100000)], queue: 'other'); }
           catch (AppServer\QueueFullException $e) { echo $e->getMessage(), "\n"; }
           echo AppServer\Job::find(AppServer\queue('add', [1, 2], queue: 'other'))->await(20);"#,
    );
    let out = out.ok();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("jobs.queue_len_max") && lines[0].contains('5'), "{out}");
    assert!(lines[1].contains("jobs.queue_bytes_max") && lines[1].contains("100000"), "{out}");
    assert_eq!(lines[2], "3");
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let refused = queues(&mut wire);
    let JobReply::Refused(JobRefusal::QueueFull { queue, limit: 5, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(queue, "default");
}
