//! What is known for a time only goes when that is over, although nobody asks the worker for anything.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{JobOptions, JobReply, JobRequest, NewJob};

const KEYS: usize = 500;
/// What they take of the disk at least, and what is left of it at most when they are gone.
const BYTES: u64 = KEYS as u64 * 400;
const LEFT_BYTES: u64 = BYTES / 4;

fn live_bytes(worker: &Sidecar) -> u64 {
    worker.status()["jobs"]["ledger"]["live_bytes"].as_u64().expect("a number")
}

#[test]
fn idempotency_keys_go_although_nothing_happens() {
    let worker = Sidecar::builder().file("functions.php", "<?php function nothing(): void {}");
    let worker = worker.config("[jobs]\nidempotency_ms = 5000\n").start();
    let before = live_bytes(&worker);
    let job = |number: usize| {
        let key = format!("{number:0>200}");
        // Nothing else of it is kept, whose end would have to be looked after.
        let options =
            JobOptions { idempotency_key: Some(key), keep_ms: Some(0), ..JobOptions::default() };
        let (function, arguments) = ("nothing".to_owned(), vec![0, 0]);
        NewJob { function, arguments, options, ..NewJob::default() }
    };
    let jobs = (0..KEYS).map(job).collect();
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let reply = wire.ask(&JobRequest::Enqueue { jobs, batch: None }).unwrap();
    assert!(matches!(reply, JobReply::Accepted { .. }), "{reply:?}");
    eventually("they are on disk", || (live_bytes(&worker) > before + BYTES).then_some(()));
    eventually("all are done", || {
        (worker.status()["jobs"]["totals"]["done"] == KEYS).then_some(())
    });
    eventually("the keys are gone", || (live_bytes(&worker) < before + LEFT_BYTES).then_some(()));
}
