//! A million jobs that wait: what they cost a worker in memory, in speed, and when it starts again after
//! a crash; and that they cost no processor time.

use super::disk::Disk;
use super::drain;
use super::load::{HELD, Worker};
use super::wire::in_queue;
use crate::idle::Pids;
use crate::options::MeasureArgs;
use crate::pause::pause;
use crate::processes::Memory;
use crate::report::Report;
use crate::statistics::median;
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use protocol::JobOptions;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

const WAITING: usize = 1_000_000;
const DRAINED: usize = 100_000;
/// Each takes some seconds.
const DRAINS_MAX: u32 = 3;
/// Jobs before the first measurement, after which memory is what a worker in use has.
const WARM_UP_JOBS: usize = 2_000;
/// Longer than the whole run.
const DELAY_MS: u64 = 24 * 3600 * 1000;
const IDLE_LENGTH: Duration = Duration::from_secs(5);
/// In which what follows the last job is over: request shutdown, the ledger's tidying.
const SETTLING: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Backlog {
    /// Jobs of a drain.
    pub(crate) drained: u64,
    /// Jobs a second where nothing else waits.
    pub(crate) drain_alone: u64,
    /// With [`Self::waiting`] others.
    pub(crate) drain_beside: u64,
    /// Half of them for their time, half for their queue.
    pub(crate) waiting: u64,
    /// By which the supervisor grew with them, arguments included.
    pub(crate) grown_bytes: u64,
    /// From the start of the worker that follows one that was killed until it takes calls.
    pub(crate) recovery_ms: u64,
    /// As above, without jobs.
    pub(crate) start_ms: u64,
    /// Processor time of all processes while they wait.
    pub(crate) idle_ms: u64,
    pub(crate) idle_length_ms: u64,
}

pub(super) fn measure(
    workspace: &Workspace,
    disk: &Disk,
    args: &MeasureArgs,
    report: &mut Report,
) -> Result<()> {
    let share = if args.quick { 5 } else { 1 };
    let (waiting, drained) = (WAITING / share, DRAINED / share);
    let state = disk.folder("backlog")?;
    let begin = Instant::now();
    let worker = Worker::start(workspace, &state, "jobs-backlog")?;
    let start_ms = milliseconds(begin.elapsed())?;
    drain::jobs_per_second(&worker, WARM_UP_JOBS)?;
    let drain_alone = drains(&worker, drained, args)?;

    let before = rss_bytes(&worker)?;
    worker.store(waiting / 2, &in_queue(HELD))?;
    let delayed = JobOptions { delay_ms: Some(DELAY_MS), ..JobOptions::default() };
    worker.store(waiting / 2, &delayed)?;
    let grown_bytes = rss_bytes(&worker)?.saturating_sub(before);

    let idle_length = args.shortened(IDLE_LENGTH);
    let idle_ms = milliseconds(processor_time(&worker, idle_length)?)?;
    let drain_beside = drains(&worker, drained, args)?;

    worker.sidecar.server.kill()?;
    let begin = Instant::now();
    let worker = Worker::start(workspace, &state, "jobs-backlog")?;
    let recovery_ms = milliseconds(begin.elapsed())?;
    let found = worker.waiting()?;
    ensure!(found == waiting as u64, "{found} of {waiting} jobs wait after the crash");
    report.jobs.backlog = Some(Backlog {
        drained: drained as u64,
        drain_alone,
        drain_beside,
        waiting: waiting as u64,
        grown_bytes,
        recovery_ms,
        start_ms,
        idle_ms,
        idle_length_ms: milliseconds(idle_length)?,
    });
    Ok(())
}

fn drains(worker: &Worker, count: usize, args: &MeasureArgs) -> Result<u64> {
    let rounds = 0..args.rounds().min(DRAINS_MAX);
    let rates = rounds.map(|_| drain::jobs_per_second(worker, count)).collect::<Result<_>>()?;
    Ok(median(rates).unwrap_or(0))
}

fn processor_time(worker: &Worker, length: Duration) -> Result<Duration> {
    pause(SETTLING);
    let pids = Pids::of(&worker.sidecar)?;
    let before = pids.processor_time()?;
    pause(length);
    Ok(pids.processor_time()?.saturating_sub(before))
}

fn rss_bytes(worker: &Worker) -> Result<u64> {
    Ok(Memory::of(worker.sidecar.server.pid())?.rss_kib * 1024)
}

fn milliseconds(duration: Duration) -> Result<u64> {
    Ok(u64::try_from(duration.as_millis())?)
}
