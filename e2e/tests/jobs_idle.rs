//! What is known for a time only goes when that is over, although nobody asks the worker for anything.

use e2e::{JobsWire, Sidecar, eventually};
use protocol::{JobOptions, JobReply, JobRequest, NewJob};
use serde_json::Value;
use std::ops::Range;

const KEYS: usize = 500;
/// What they take of the disk at least, and what is left of it at most when they are gone.
const BYTES: u64 = KEYS as u64 * 400;
const LEFT_BYTES: u64 = BYTES / 4;

fn enqueue(wire: &mut JobsWire, numbers: Range<usize>) {
    let job = |number: usize| {
        let key = format!("{number:0>200}");
        // Nothing else of it is kept, whose end would have to be looked after.
        let options =
            JobOptions { idempotency_key: Some(key), keep_ms: Some(0), ..JobOptions::default() };
        let (function, arguments) = ("nothing".to_owned(), vec![0, 0]);
        NewJob { function, arguments, options, ..NewJob::default() }
    };
    let jobs = numbers.map(job).collect();
    let reply = wire.ask(&JobRequest::Enqueue { jobs, batch: None }).unwrap();
    assert!(matches!(reply, JobReply::Accepted { .. }), "{reply:?}");
}

fn live_bytes(jobs: &Value) -> u64 {
    jobs["ledger"]["live_bytes"].as_u64().expect("a number")
}

#[test]
fn idempotency_keys_go_although_nothing_happens() {
    let worker = Sidecar::builder().file("functions.php", "<?php function nothing(): void {}");
    let worker = worker.config("[jobs]\nidempotency_ms = 5000\n").start();
    let jobs = || worker.status()["jobs"].take();
    let before = live_bytes(&jobs());
    let mut wire = JobsWire::connect(&worker.socket()).unwrap();
    let mut queued = 0;
    eventually("the keys are on disk when all is done", || {
        let now = jobs();
        let is_done = now["totals"]["done"] == queued;
        if is_done && live_bytes(&now) > before + BYTES {
            return Some(());
        }
        // None yet, or they went before anybody looked: on a loaded machine that takes its time.
        if is_done {
            enqueue(&mut wire, queued..queued + KEYS);
            queued += KEYS;
        }
        None
    });
    eventually("the keys are gone", || (live_bytes(&jobs()) < before + LEFT_BYTES).then_some(()));
}
