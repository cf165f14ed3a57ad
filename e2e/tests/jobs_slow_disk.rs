//! The disk of the jobs takes its time: calls do not wait for it, and what is on it when the worker stops
//! is acknowledged.

use e2e::{FailingDisk, JobsWire, Sidecar, SidecarBuilder, eventually, process_is_gone};
use protocol::{
    Header, JobOptions, JobReply, JobRequest, Kind, NewJob, body_from_slice, control_frame,
};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Each queues one job. Of those that are acknowledged in one commit a connection that is closed too soon
/// would leave some.
const PRODUCERS: usize = 60;
/// The shortest time that a worker which stops gives others: to read their answers.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a machine is tried that is too slow for that.
const TRIES: u32 = 5;

fn worker(disk: &FailingDisk) -> SidecarBuilder {
    let functions = "<?php\nfunction hello(): string { return 'hello'; }\n";
    disk.under(Sidecar::builder().file("functions.php", functions))
}

/// Queues so many jobs for later in one request, without waiting for the answer.
fn send_jobs(wire: &mut JobsWire, count: usize) {
    let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
    let (function, arguments) = ("hello".to_owned(), vec![0, 0]);
    let jobs = vec![NewJob { function, arguments, options, ..NewJob::default() }; count];
    let batch = (count > 1).then(Box::default);
    let request = JobRequest::Enqueue { jobs, batch };
    wire.send(&control_frame(Header::new(Kind::JobRequest, 1), &request)).unwrap();
}

/// Whether the worker has a file open of which this is the name.
fn has_open(worker: &Sidecar, name: &str) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", worker.pid()));
    let mut targets = descriptors
        .into_iter()
        .flatten()
        .filter_map(|descriptor| std::fs::read_link(descriptor.ok()?.path()).ok());
    targets.any(|target| target.ends_with(name))
}

/// Whether no thread of the worker goes on: a signal is sent before it works.
fn is_frozen(worker: &Sidecar) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", worker.pid())).unwrap();
    let mut states =
        threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    states.all(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')))
}

/// How many jobs are stored, if the worker says so before it hangs up.
fn acknowledged(wire: &mut JobsWire) -> Option<usize> {
    let (_, body) = wire.frame().ok()?;
    match body_from_slice("reply", &body).unwrap() {
        JobReply::Accepted { jobs, .. } => Some(jobs.len()),
        JobReply::Refused(_) => Some(0),
        other => panic!("{other:?}"),
    }
}

/// What did not hold, if anything, of a worker that stopped, and how long that took at most.
type Stopped = (Result<(), String>, Duration);

/// Tries again where the worker may have lost its patience: then it says nothing that something is missing.
fn assert_of_a_stop(stop: impl Fn() -> Stopped) {
    let mut missing = String::new();
    for _ in 0..TRIES {
        match stop() {
            (Ok(()), _) => return,
            (Err(why), took) => {
                assert!(took >= PATIENCE, "{why}");
                missing = why;
            }
        }
    }
    panic!("it took {PATIENCE:?} or more {TRIES} times, and then {missing}");
}

#[test]
fn calls_are_served_while_the_ledger_is_slow() {
    let disk = FailingDisk::new();
    let worker = worker(&disk).start();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    disk.hang();
    send_jobs(&mut wire, 1);
    eventually("its commit waits for the disk", || disk.hangs().then_some(()));
    // Each is a new connection, which the worker's own threads take in.
    for _ in 0..3 {
        assert_eq!(worker.php("echo appserver_call('hello');").ok(), "hello");
    }
    assert_eq!(worker.status()["apps"][0]["state"], "running");
    disk.heal();
    assert_eq!(acknowledged(&mut wire), Some(1));
}

#[test]
fn what_is_on_disk_when_the_worker_stops_is_acknowledged() {
    assert_of_a_stop(stop_with_many_answers);
}

fn stop_with_many_answers() -> Stopped {
    let disk = FailingDisk::new();
    let mut worker = worker(&disk).start();
    let connect = |_| JobsWire::connect(&worker.socket()).unwrap();
    let mut wires: Vec<JobsWire> = (0..PRODUCERS).map(connect).collect();
    let prototype = worker.prototype();
    disk.hang();
    // All are there when the worker looks: so one commit has most of them.
    worker.freeze();
    eventually("it stands still", || is_frozen(&worker).then_some(()));
    wires.iter_mut().for_each(|wire| send_jobs(wire, 1));
    worker.thaw();
    eventually("their commit waits for the disk", || disk.hangs().then_some(()));
    let stops = Instant::now();
    worker.signal(Signal::TERM);
    eventually("nothing else is left to stop", || process_is_gone(prototype).then_some(()));
    disk.heal();
    let told: Vec<Option<usize>> = wires.iter_mut().map(acknowledged).collect();
    worker.await_death();
    let took = stops.elapsed();
    worker.restart();
    let stored = eventually("it says what it has", || {
        worker.status()["jobs"]["queues"][0]["waiting"].as_u64()
    });
    let acknowledged: usize = told.iter().flatten().sum();
    if acknowledged as u64 != stored {
        return (Err(format!("of {stored} on disk are told: {told:?}")), took);
    }
    if acknowledged < PRODUCERS / 2 {
        return (Err(format!("most of them were not in the commit: {told:?}")), took);
    }
    (Ok(()), took)
}

#[test]
fn an_answer_that_is_read_late_arrives_whole_before_the_worker_ends() {
    assert_of_a_stop(stop_with_a_late_reader);
}

fn stop_with_a_late_reader() -> Stopped {
    // A socket takes the answer to the first batch while nobody reads, and not that to the second beside it.
    const SIZES: [usize; 2] = [10_000, 10_000];
    let disk = FailingDisk::new();
    let mut worker = worker(&disk).start();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let prototype = worker.prototype();
    send_jobs(&mut wire, SIZES[0]);
    eventually("the first batch is stored", || {
        let queues = worker.status()["jobs"]["queues"].clone();
        (queues[0]["waiting"] == SIZES[0]).then_some(())
    });
    disk.hang();
    send_jobs(&mut wire, SIZES[1]);
    eventually("a commit waits for the disk", || disk.hangs().then_some(()));
    let stops = Instant::now();
    worker.signal(Signal::TERM);
    eventually("nothing else is left to stop", || process_is_gone(prototype).then_some(()));
    disk.heal();
    eventually("the ledger is closed", || (!has_open(&worker, "jobs.db-lock")).then_some(()));
    let answers = SIZES.map(|_| acknowledged(&mut wire));
    worker.await_death();
    let held = if answers == SIZES.map(Some) { Ok(()) } else { Err(format!("told: {answers:?}")) };
    (held, stops.elapsed())
}
