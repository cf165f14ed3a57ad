//! Executors that die before a job began in them: that is no attempt, unless it is the job that they die of.

use e2e::{JobsWire, Sidecar, control, eventually, process_is_gone, send_signal};
use protocol::{JobId, JobReply, JobReport, JobRequest, JobState};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::Value;

/// Arguments that take an executor some time to read.
const BYTES: usize = 48 << 20;
const FITS_A_SOCKET: usize = 150_000;
/// Looks at the executor for one at the job.
const LOOKS: u32 = 16;

const FUNCTIONS: &str = r#"<?php
function size(string $what): int {
    file_put_contents(__DIR__ . '/began', "began\n", FILE_APPEND);
    return strlen($what);
}
"#;

fn worker() -> Sidecar {
    let app = "[executors]\nmin = 1\nmax = 1\n[pools.jobs]\nexecutors.max = 1\n";
    let worker = Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", app);
    // However long such a frame takes where the processor is needed elsewhere.
    worker.config("[limits]\nframe_bytes_max = 67108864\nframe_timeout_ms = 600000\n").start()
}

fn queue(worker: &Sidecar, bytes: usize, options: &str) -> JobId {
    let call = format!("'size', [str_repeat('x', {bytes})], keep: 3600, {options}");
    worker
        .php_with(
            &["memory_limit=-1", "appserver.timeout=300"],
            &format!("echo AppServer\\queue({call});"),
        )
        .ok()
        .parse()
        .expect("an id")
}

fn ask(worker: &Sidecar, request: &JobRequest) -> JobReport {
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    match wire.ask(request).unwrap() {
        JobReply::Job(Some(job)) => *job,
        other => panic!("{other:?}"),
    }
}

fn end_of(worker: &Sidecar, id: JobId) -> JobReport {
    ask(worker, &JobRequest::Await { id, wait_ms: 30_000 })
}

/// The executor for jobs that reads a request now, and its state: stopped, so that it stays so.
fn stopped_while_it_reads(worker: &Sidecar) -> Option<u32> {
    let reading = || {
        let (_, body) = control::ask(worker, "GET", "/v1/status", b"");
        let status: Value = serde_json::from_str(&body).expect("JSON");
        let pools = status["apps"][0]["pools"].as_array().cloned().unwrap_or_default();
        let jobs = pools.into_iter().find(|pool| pool["pool"] == "jobs")?;
        let executor = jobs["executors"][0].clone();
        let pid = u32::try_from(executor["pid"].as_u64()?).ok()?;
        (executor["state"] == "reading").then_some(pid)
    };
    let pid = reading()?;
    send_signal(pid, Signal::STOP);
    if reading() == Some(pid) {
        return Some(pid);
    }
    send_signal(pid, Signal::CONT);
    None
}

/// Kills an executor while it reads the job; whether it came to that.
fn kill_reader(worker: &Sidecar, id: JobId) -> bool {
    eventually("an executor is killed, or the job over", || {
        if let Some(pid) = (0..LOOKS).find_map(|_| stopped_while_it_reads(worker)) {
            send_signal(pid, Signal::KILL);
            eventually("it is gone", || process_is_gone(pid).then_some(()));
            return Some(true);
        }
        ask(worker, &JobRequest::Find { id }).state.is_over().then_some(false)
    })
}

#[test]
fn an_executor_that_dies_before_a_job_began_costs_it_nothing() {
    let worker = worker();
    // A job that was read too soon is none to learn from.
    eventually("an executor died while it read a job", || {
        let id = queue(&worker, BYTES, "");
        let killed = kill_reader(&worker, id);
        let job = end_of(&worker, id);
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert_eq!((job.attempt, job.crashes), (1, 0), "{job:?}");
        killed.then_some(())
    });
}

#[test]
fn nor_does_one_that_had_all_of_it_in_its_socket() {
    let worker = worker();
    let first = queue(&worker, 1, "");
    assert_eq!(end_of(&worker, first).state, JobState::Done);
    // Those that are there have no memory for a request that fits a socket's buffer, once they have given
    // back that of the first one: it closes after its answer.
    eventually("its request is closed", || {
        let status = worker.status();
        let pools = status["apps"][0]["pools"].as_array()?.iter();
        let mut executors = pools.flat_map(|pool| pool["executors"].as_array().unwrap());
        executors.all(|executor| executor["state"] == "idle").then_some(())
    });
    worker.executors().into_iter().for_each(|pid| limit_memory(pid, Some(size(pid))));
    let id = queue(&worker, FITS_A_SOCKET, "crashAttempts: 1");
    let job = end_of(&worker, id);
    assert_eq!((job.state, job.attempt, job.crashes), (JobState::Done, 1, 0), "{job:?}");
    assert_eq!(worker.log().matches("state=Reading").count(), 1, "{}", worker.log());
}

#[test]
fn a_job_that_executors_die_of_while_they_read_it_is_given_up() {
    let worker = worker();
    // There is no memory for its arguments.
    let prototype = worker.prototype();
    limit_memory(prototype, Some(size(prototype) + BYTES as u64 / 2));
    let id = queue(&worker, BYTES, "crashAttempts: 1");
    let job = end_of(&worker, id);
    assert_eq!((job.state, job.attempt, job.crashes), (JobState::Dead, 1, 1), "{job:?}");
    assert!(job.waits_for.contains("3 executors died while they read it"), "{job:?}");
    assert_eq!(worker.log().matches("state=Reading").count(), 3, "{}", worker.log());
    limit_memory(prototype, None);
    let id = queue(&worker, BYTES, "crashAttempts: 1");
    assert_eq!(end_of(&worker, id).state, JobState::Done);
}

/// Bytes that a process has mapped.
fn size(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap();
    pages * rustix::param::page_size() as u64
}

/// Of a process, and of those that it forks from now on.
fn limit_memory(pid: u32, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let maximum = getrlimit(Resource::As).maximum;
    prlimit(pid, Resource::As, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}
