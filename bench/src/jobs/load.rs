//! A worker with a ledger on disk, and jobs for it.

use super::wire::{Wire, in_queue, job};
use crate::pause::pause;
use crate::sidecar::Sidecar;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use protocol::{JobId, JobOptions};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A queue of the bench's application whose jobs do not run.
pub(super) const HELD: &str = "held";
/// Stored by one request.
const JOBS_PER_REQUEST: usize = 1000;
/// In which the last jobs of a queue end.
const DRAINED_MAX: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct Worker {
    pub(super) sidecar: Sidecar,
    appserver: PathBuf,
}

/// What `appserver queue stats --json` says of one worker.
#[derive(Deserialize)]
struct Answer {
    result: Stats,
}

#[derive(Deserialize)]
struct Stats {
    queues: Vec<Queue>,
}

#[derive(Deserialize)]
struct Queue {
    queue: String,
    waiting: u64,
    running: u64,
}

impl Worker {
    /// With its state in that folder, anew or again.
    pub(super) fn start(workspace: &Workspace, state: &Path, name: &str) -> Result<Self> {
        // All that wait are to fit into one queue.
        let lines = format!(
            "state_dir = {:?}\n[jobs]\nqueue_len_max = 10000000\n",
            state.display().to_string()
        );
        let sidecar = Sidecar::start_with(workspace, name, &lines)?;
        Ok(Self { sidecar, appserver: workspace.artifact("appserver")? })
    }

    pub(super) fn socket(&self) -> &Path {
        let address = &self.sidecar.address;
        Path::new(address.strip_prefix("unix:").unwrap_or(address))
    }

    pub(super) fn wire(&self) -> Result<Wire> {
        Wire::connect(self.socket())
    }

    /// Stores so many jobs that do nothing.
    pub(super) fn store(&self, count: usize, options: &JobOptions) -> Result<()> {
        let mut wire = self.wire()?;
        let mut left = count;
        while left > 0 {
            let now = left.min(JOBS_PER_REQUEST);
            wire.enqueue((0..now).map(|_| job(options.clone())).collect())?;
            left -= now;
        }
        Ok(())
    }

    /// Stores one that begins after all others of the queue.
    pub(super) fn store_last(&self, queue: &str) -> Result<JobId> {
        let options = JobOptions { priority: Some(i8::MIN), ..in_queue(queue) };
        self.wire()?.enqueue(vec![job(options)])
    }

    pub(super) fn pause(&self, queue: &str) -> Result<()> {
        self.manage(&["pause", "--app", "app", queue]).map(drop)
    }

    pub(super) fn resume(&self, queue: &str) -> Result<()> {
        self.manage(&["resume", "--app", "app", queue]).map(drop)
    }

    /// Until none of a queue waits or runs.
    pub(super) fn await_none(&self, queue: &str) -> Result<()> {
        let begin = Instant::now();
        while self.queues()?.iter().any(|it| it.queue == queue && it.waiting + it.running > 0) {
            ensure!(begin.elapsed() < DRAINED_MAX, "jobs of the queue {queue} are left over");
            pause(LOOK_INTERVAL);
        }
        Ok(())
    }

    /// Jobs that wait, in all queues.
    pub(super) fn waiting(&self) -> Result<u64> {
        Ok(self.queues()?.iter().map(|queue| queue.waiting).sum())
    }

    fn queues(&self) -> Result<Vec<Queue>> {
        let answers: Vec<Answer> = serde_json::from_str(&self.manage(&["stats", "--json"])?)?;
        Ok(answers.into_iter().flat_map(|answer| answer.result.queues).collect())
    }

    /// `appserver queue`.
    fn manage(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.appserver);
        command.arg("queue").args(args).args(["--to", &self.sidecar.control]);
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "appserver queue {}: {}", args.join(" "), output.status);
        String::from_utf8(output.stdout).context("its output is not UTF-8")
    }
}
