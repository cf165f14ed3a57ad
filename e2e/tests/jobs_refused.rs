//! Requests about jobs that are refused for their size, whatever they ask for.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{
    Header, JOBS_AT_ONCE_MAX, JobOptions, JobRefusal, JobReply, JobRequest, Kind, NewJob,
    body_to_vec, control_frame,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn worker(frame_bytes_max: usize, job_bytes_max: usize) -> Sidecar {
    let limits = format!(
        "[limits]\nframe_bytes_max = {frame_bytes_max}\njob_bytes_max = {job_bytes_max}\n\
         frame_timeout_ms = 4000000\n"
    );
    let functions = "<?php\nfunction one(): int { return 1; }\n";
    Sidecar::builder().file("functions.php", functions).config(&limits).start()
}

/// Of so many jobs, for later.
fn request(jobs: usize) -> JobRequest {
    let options = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
    let (function, arguments) = ("one".to_owned(), vec![0, 0]);
    let job = NewJob { function, arguments, options, ..NewJob::default() };
    JobRequest::Enqueue { jobs: vec![job; jobs], batch: None }
}

/// A client that hears of memory tries the next worker, which would not take it either.
#[test]
fn more_jobs_than_any_request_makes_are_called_so_however_little_memory_is_free() {
    let worker = worker(1 << 20, 1 << 20);
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let told = wire.ask(&request(JOBS_AT_ONCE_MAX)).unwrap();
    assert!(matches!(told, JobReply::Refused(JobRefusal::Unavailable { .. })), "{told:?}");
    let told = wire.ask(&request(JOBS_AT_ONCE_MAX + 1)).unwrap();
    let JobReply::Refused(JobRefusal::BadOption { option, .. }) = &told else { panic!("{told:?}") };
    assert_eq!(option, "jobs");
}

#[test]
fn whoever_does_not_read_that_he_is_refused_keeps_no_memory_from_others() {
    const MOST: usize = 65_536;
    let worker = worker(MOST, MOST);
    let large = request(2_000);
    let length = body_to_vec(&large).len();
    assert!((MOST / 2..MOST).contains(&length), "one fits at a time, two do not: {length}");
    let sent = Arc::new(AtomicUsize::new(0));
    let mut unread = JobsWire::connect(&worker.socket()).unwrap();
    let sender = thread::spawn({
        let sent = Arc::clone(&sent);
        let frame = control_frame(Header::new(Kind::JobRequest, 9), &large);
        // Until the worker reads no more, because nobody reads what it answers; then until it ends.
        move || {
            while unread.send(&frame).is_ok() {
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let (mut before, mut quiet) = (0, 0);
    eventually("its answers fill its socket", || {
        let told = wire.ask(&request(1)).unwrap();
        assert!(matches!(told, JobReply::Accepted { .. } | JobReply::Refused(_)), "{told:?}");
        let now = sent.load(Ordering::Relaxed);
        quiet = if now == before && now > 0 { quiet + 1 } else { 0 };
        before = now;
        (quiet == 100).then_some(())
    });
    eventually("there is room for fifty jobs", || {
        let told = wire.ask(&request(50)).unwrap();
        matches!(told, JobReply::Accepted { .. }).then_some(())
    });
    drop(worker);
    sender.join().unwrap();
}
