//! How fast a worker runs what waits.

use super::load::Worker;
use super::wire::in_queue;
use anyhow::{Context, Result};
use std::time::Instant;

/// The queue that is drained. Its jobs wait until it is resumed.
const QUEUE: &str = "drained";

/// Jobs a second, from the word to begin until the last is done and on disk.
pub(super) fn jobs_per_second(worker: &Worker, count: usize) -> Result<u64> {
    worker.pause(QUEUE)?;
    worker.store(count - 1, &in_queue(QUEUE))?;
    let last = worker.store_last(QUEUE)?;
    let mut wire = worker.wire()?;
    let begin = Instant::now();
    worker.resume(QUEUE)?;
    wire.done(last)?;
    let took_us = begin.elapsed().as_micros();
    // Those that began just before the last one may end just after it.
    worker.await_none(QUEUE)?;
    let count = u128::try_from(count)?;
    u64::try_from(count * 1_000_000 / took_us).context("a rate")
}
