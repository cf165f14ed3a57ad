//! An idle sidecar: the memory of its executors, and the processor time of all its processes.

use crate::contestant::CLIENTS;
use crate::options::MeasureArgs;
use crate::pause::pause;
use crate::processes::{Memory, children, processor_time};
use crate::report::Report;
use crate::sidecar::Sidecar;
use crate::subject::Subject;
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const LENGTH: Duration = Duration::from_secs(10);
/// Time in which what follows the last call (request shutdown, the supervisor's last look) is over.
const SETTLING: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Idle {
    pub(crate) executors: usize,
    /// Of the executor that has most.
    pub(crate) executor_private_kib: u64,
    pub(crate) executor_pss_kib: u64,
    pub(crate) supervisor_rss_kib: u64,
    /// All processes of the sidecar together.
    pub(crate) processor_ms: u64,
    pub(crate) length_ms: u64,
}

/// Pids of a sidecar's processes by what they are.
pub(crate) struct Pids {
    pub(crate) supervisor: u32,
    pub(crate) prototypes: Vec<u32>,
    pub(crate) executors: Vec<u32>,
}

impl Pids {
    pub(crate) fn of(sidecar: &Sidecar) -> Result<Self> {
        let supervisor = sidecar.server.pid();
        let prototypes = children(supervisor)?;
        let mut executors = Vec::new();
        for prototype in &prototypes {
            executors.extend(children(*prototype)?);
        }
        ensure!(!executors.is_empty(), "the sidecar has no executors");
        Ok(Self { supervisor, prototypes, executors })
    }

    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let all = [self.supervisor].into_iter().chain(self.prototypes.iter().copied());
        all.chain(self.executors.iter().copied()).map(processor_time).sum()
    }
}

pub(crate) fn measure(workspace: &Workspace, args: &MeasureArgs, report: &mut Report) {
    eprintln!("measuring an idle sidecar");
    match idle(workspace, args.shortened(LENGTH)) {
        Ok(idle) => report.idle = Some(idle),
        Err(error) => report.skip("idle sidecar", &error),
    }
}

fn idle(workspace: &Workspace, length: Duration) -> Result<Idle> {
    let sidecar = Sidecar::start(workspace, "idle")?;
    // Each of these has called some 200 times when it is ready; their connections stay open.
    let clients = (0..CLIENTS)
        .map(|_| {
            let mut client = workspace.php_with_extension(&sidecar.address, "appserver.php")?;
            client.arg("hello");
            Subject::start(client)
        })
        .collect::<Result<Vec<_>>>()?;
    pause(SETTLING);
    let pids = Pids::of(&sidecar)?;
    let before = pids.processor_time()?;
    pause(length);
    let used = pids.processor_time()?.saturating_sub(before);
    let memory =
        pids.executors.iter().map(|pid| Memory::of(*pid)).collect::<Result<Vec<Memory>>>()?;
    drop(clients);
    Ok(Idle {
        executors: memory.len(),
        executor_private_kib: memory.iter().map(|one| one.private_kib).max().unwrap_or(0),
        executor_pss_kib: memory.iter().map(|one| one.pss_kib).max().unwrap_or(0),
        supervisor_rss_kib: Memory::of(pids.supervisor)?.rss_kib,
        processor_ms: u64::try_from(used.as_millis())?,
        length_ms: u64::try_from(length.as_millis())?,
    })
}
