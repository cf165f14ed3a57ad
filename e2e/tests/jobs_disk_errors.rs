//! The disk of the jobs fails, at syncs or at writes, or hangs, while many queue: nobody is told that a job is
//! stored that is not, and with the disk back all goes on.

use e2e::{FailingDisk, JobsWire, Queue, Sidecar, SidecarBuilder, control, eventually};
use protocol::{
    JobId, JobOptions, JobRefusal, JobReply, JobReport, JobRequest, JobState, NewBatch, NewJob,
};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

const PRODUCERS: u32 = 4;
const ROUNDS: u32 = 6;
/// Jobs that are acknowledged, and requests that are refused, in each round at least.
const PER_ROUND: u32 = 20;

/// Asks for something that has to be written.
const PAUSE: &str = "POST /v1/apps/app/queues/other/pause HTTP/1.1\r\nhost: worker\r\n\
                     content-type: application/json\r\ncontent-length: 0\r\n\r\n";

const FUNCTIONS: &str = r#"<?php
function note(): void {
    file_put_contents(__DIR__ . '/noted', AppServer\Job::current()->idempotencyKey . "\n", FILE_APPEND | LOCK_EX);
}
function waits(): string {
    file_put_contents(__DIR__ . '/begun', AppServer\Job::current()->attempt . "\n", FILE_APPEND | LOCK_EX);
    while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
    return 'went';
}
"#;

fn worker() -> SidecarBuilder {
    let app = "[pools.jobs]\nexecutors.max = 2\n";
    Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", app)
}

/// What producers were told so far.
#[derive(Default)]
struct Counts {
    accepted: AtomicU32,
    refused: AtomicU32,
    stop: AtomicBool,
}

/// Producers stop whether the test goes well or not.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Queues one job after the other, each under a key of its own, until it is told that one is stored.
fn produce(socket: &Path, name: u32, counts: &Counts) -> Vec<(String, JobId)> {
    let (mut told, mut wire) = (Vec::new(), JobsWire::connect(socket).unwrap());
    while !counts.stop.load(Ordering::Relaxed) {
        let key = format!("{name}-{}", told.len());
        match wire.queue("note", options(&key)).unwrap() {
            JobReply::Accepted { jobs, .. } => {
                told.push((key, jobs[0].id));
                counts.accepted.fetch_add(1, Ordering::Relaxed);
            }
            JobReply::Refused(JobRefusal::Unavailable { reason }) => {
                assert!(reason.contains("cannot "), "{reason}");
                assert!(reason.contains("disk"), "{reason}");
                counts.refused.fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("{other:?}"),
        }
    }
    told
}

fn options(key: &str) -> JobOptions {
    let idempotency_key = Some(key.to_owned());
    JobOptions { idempotency_key, keep_ms: Some(3_600_000), ..JobOptions::default() }
}

fn await_more(what: &str, count: &AtomicU32) {
    let enough = count.load(Ordering::Relaxed) + PER_ROUND;
    eventually(what, || (count.load(Ordering::Relaxed) >= enough).then_some(()));
}

fn lines(worker: &Sidecar, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(worker.app().join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn end_of(wire: &mut JobsWire, id: JobId) -> JobReport {
    match wire.ask(&JobRequest::Await { id, wait_ms: 30_000 }).unwrap() {
        JobReply::Job(Some(job)) => *job,
        other => panic!("job {id} is lost: {other:?}"),
    }
}

#[test]
fn errors_of_the_disk_under_load_lose_nothing_and_pass() {
    let disk = FailingDisk::new();
    let worker = disk.under(worker()).start();
    let (socket, counts) = (worker.socket(), Counts::default());
    let told = std::thread::scope(|scope| {
        let (socket, counts) = (&socket, &counts);
        let producers: Vec<_> =
            (0..PRODUCERS).map(|name| scope.spawn(move || produce(socket, name, counts))).collect();
        let stop = Stop(&counts.stop);
        for round in 0..ROUNDS {
            await_more("jobs are stored", &counts.accepted);
            disk.fail(round % 2 == 1);
            await_more("jobs are refused", &counts.refused);
            disk.heal();
        }
        await_more("jobs are stored again", &counts.accepted);
        drop(stop);
        producers.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let mut wire = JobsWire::connect(&socket).unwrap();
    for (key, id) in &told {
        assert_eq!(end_of(&mut wire, *id).state, JobState::Done, "{key}");
    }
    let noted = lines(&worker, "noted");
    let once: BTreeSet<&String> = noted.iter().collect();
    assert_eq!(noted.len(), once.len(), "an attempt was made twice");
    assert!(told.iter().all(|(key, _)| once.contains(key)));
}

/// Jobs of a worker that stops: two that run, and some that wait for them.
struct Stored {
    running: Vec<JobId>,
    waiting: Vec<JobId>,
}

impl Stored {
    fn on(worker: &Sidecar, wire: &mut JobsWire) -> Self {
        let mut queue =
            |function: &str, key: &str| match wire.queue(function, options(key)).unwrap() {
                JobReply::Accepted { jobs, .. } => jobs[0].id,
                other => panic!("{other:?}"),
            };
        let running = ["a", "b"].map(|key| queue("waits", key)).into();
        eventually("both run", || (lines(worker, "begun").len() == 2).then_some(()));
        let waiting = (0..20).map(|key| queue("note", &key.to_string())).collect();
        Self { running, waiting }
    }

    /// After the restart those that ran are done by another attempt, and the others by their first.
    fn end(&self, worker: &Sidecar) {
        std::fs::write(worker.app().join("go"), "").unwrap();
        let mut wire = JobsWire::connect(&worker.socket()).unwrap();
        for id in &self.running {
            let job = end_of(&mut wire, *id);
            assert_eq!((job.state, job.attempt, job.crashes), (JobState::Done, 2, 1), "{job:?}");
        }
        for id in &self.waiting {
            let job = end_of(&mut wire, *id);
            assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{job:?}");
        }
    }
}

#[test]
fn a_worker_that_stops_while_its_disk_fails_ends_and_says_what_it_could_not_write() {
    let disk = FailingDisk::new();
    let mut worker = disk.under(worker()).config("drain_timeout_ms = 200\n").start();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let jobs = Stored::on(&worker, &mut wire);
    disk.fail(true);
    worker.signal(Signal::TERM);
    worker.await_death();
    let log = worker.log();
    let said = log.lines().find(|line| line.contains("could not be written")).expect(&log);
    assert!(said.contains("attempts=2"), "{said}");
    assert!(jobs.running.iter().all(|id| said.contains(&id.to_string())), "{said}");
    disk.heal();
    worker.restart();
    jobs.end(&worker);
}

#[test]
fn a_worker_that_stops_while_its_disk_hangs_ends_and_says_what_is_pending() {
    let disk = FailingDisk::new();
    let mut worker = disk.under(worker()).config("drain_timeout_ms = 200\n").start();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let jobs = Stored::on(&worker, &mut wire);
    disk.hang();
    let unanswered = std::thread::spawn(move || wire.queue("note", options("unanswered")));
    eventually("a commit hangs", || disk.hangs().then_some(()));
    // A thread of the worker waits for it.
    let mut administrator = UnixStream::connect(worker.control()).unwrap();
    administrator.write_all(PAUSE.as_bytes()).unwrap();
    // What comes later is answered: that one was taken in.
    assert_eq!(control::ask(&worker, "GET", "/v1/status", b"").0, 200);
    worker.signal(Signal::TERM);
    worker.await_death();
    assert!(unanswered.join().unwrap().is_err(), "nobody is told of what is not on disk");
    let log = worker.log();
    let said = log.lines().find(|line| line.contains("has not come back")).expect(&log);
    assert!(said.contains("attempts=\"2\"") && said.contains("requests=2"), "{said}");
    assert!(jobs.running.iter().all(|id| said.contains(&id.to_string())), "{said}");
    disk.heal();
    worker.restart();
    jobs.end(&worker);
}

#[test]
fn what_is_on_disk_is_told_while_nothing_can_be_written() {
    let disk = FailingDisk::new();
    let worker = disk.under(worker()).start();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let mut queue = |function: &str, options: JobOptions, batch: Option<Box<NewBatch>>| {
        let (function, arguments) = (function.to_owned(), vec![0, 0]);
        let jobs = vec![NewJob { function, arguments, options, ..NewJob::default() }];
        match wire.ask(&JobRequest::Enqueue { jobs, batch }).unwrap() {
            JobReply::Accepted { jobs, batch } => (jobs[0].id, batch),
            other => panic!("{other:?}"),
        }
    };
    let done = queue("note", options("done"), None).0;
    let (running, batch) = queue("waits", options("running"), Some(Box::default()));
    let batch = batch.expect("a batch");
    let later = JobOptions { delay_ms: Some(3_600_000), ..options("waiting") };
    let waiting = queue("note", later, None).0;
    assert_eq!(end_of(&mut wire, done).state, JobState::Done);
    eventually("it runs", || (lines(&worker, "begun").len() == 1).then_some(()));
    disk.fail(true);
    let mut refused = 0;
    while refused < 50 {
        match wire.queue("note", options("refused")).unwrap() {
            JobReply::Refused(JobRefusal::Unavailable { .. }) => refused += 1,
            other => panic!("{other:?}"),
        }
        for (id, state) in
            [(done, JobState::Done), (running, JobState::Running), (waiting, JobState::Waiting)]
        {
            let reply = wire.ask(&JobRequest::Find { id }).unwrap();
            let JobReply::Job(Some(job)) = reply else { panic!("{state:?}: {reply:?}") };
            assert_eq!((job.id, job.state), (id, state));
        }
        let unknown = JobId::new(0, done.tag(), 0, 1 << 30);
        assert_eq!(wire.ask(&JobRequest::Find { id: unknown }).unwrap(), JobReply::Job(None));
        let reply = wire.ask(&JobRequest::Batch { id: batch }).unwrap();
        let JobReply::Batch(Some(told)) = reply else { panic!("{reply:?}") };
        assert_eq!((told.id, told.total, told.done), (batch, 1, 0));
        let shown = Queue::of(&[&worker]).run(&["show", &done.to_string()]).ok();
        assert!(shown.contains("done"), "{shown}");
    }
    assert_eq!(end_of(&mut wire, done).state, JobState::Done, "it is over: nothing is awaited");
    let socket = worker.socket();
    let awaited =
        std::thread::spawn(move || end_of(&mut JobsWire::connect(&socket).unwrap(), running));
    eventually("it is awaited", || (worker.status()["jobs"]["awaiting"] == 1).then_some(()));
    std::fs::write(worker.app().join("go"), "").unwrap();
    disk.heal();
    assert_eq!(awaited.join().unwrap().state, JobState::Done);
}
