//! One job after the other, and beside each one write to the same disk.

use super::disk::{Block, Disk};
use super::load::{HELD, Worker};
use super::wire::{Wire, in_queue, job};
use crate::options::MeasureArgs;
use crate::report::Report;
use crate::statistics::Latency;
use crate::subject::Subject;
use crate::workspace::Workspace;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Of each kind in each round.
const LENGTH: Duration = Duration::from_secs(2);

/// What was measured in alternation with writes of one block, each with its `fdatasync`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct BesideDisk {
    pub(crate) job: Latency,
    pub(crate) write: Latency,
}

pub(super) fn measure(
    workspace: &Workspace,
    disk: &Disk,
    args: &MeasureArgs,
    report: &mut Report,
) -> Result<()> {
    let worker = Worker::start(workspace, &disk.folder("latency")?, "jobs-latency")?;
    let mut client = workspace.php_with_extension(&worker.sidecar.address, "jobs.php")?;
    client.arg(disk.folder("block")?);
    let mut client = Subject::start(client)?;
    let (mut wire, block) = (worker.wire()?, Block::create(&disk.folder("plain")?.join("block"))?);
    let (mut enqueue, mut start) = (Rounds::default(), Rounds::default());
    let mut plain = Rounds::default();
    for _ in 0..args.rounds() {
        plain.measure_plain(&mut wire, &block, args.shortened(LENGTH))?;
        enqueue.measure(&mut client, "enqueue", args.shortened(LENGTH))?;
        start.measure(&mut client, "start", args.shortened(LENGTH))?;
    }
    report.jobs.enqueue = enqueue.result();
    report.jobs.start = start.result();
    report.jobs.enqueue_plain = plain.result();
    Ok(())
}

#[derive(Default)]
struct Rounds {
    jobs: Vec<Latency>,
    writes: Vec<Latency>,
}

impl Rounds {
    fn measure(&mut self, client: &mut Subject, command: &str, length: Duration) -> Result<()> {
        client.command(&format!("{command} {}", length.as_millis()))?;
        let (jobs, writes) = serde_json::from_str(&client.answer(length)?)?;
        self.jobs.extend(Latency::of_samples(jobs));
        self.writes.extend(Latency::of_samples(writes));
        Ok(())
    }

    /// As `php/jobs.php`, without PHP.
    fn measure_plain(&mut self, wire: &mut Wire, block: &Block, length: Duration) -> Result<()> {
        let (mut jobs, mut writes) = (Vec::new(), Vec::new());
        let began = Instant::now();
        while began.elapsed() < length {
            let before = Instant::now();
            wire.enqueue(vec![job(in_queue(HELD))])?;
            let stored = Instant::now();
            block.write()?;
            jobs.push(nanoseconds(stored - before));
            writes.push(nanoseconds(stored.elapsed()));
        }
        self.jobs.extend(Latency::of_samples(jobs));
        self.writes.extend(Latency::of_samples(writes));
        Ok(())
    }

    fn result(&self) -> Option<BesideDisk> {
        let (job, write) = (Latency::median_of(&self.jobs)?, Latency::median_of(&self.writes)?);
        Some(BesideDisk { job, write })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
