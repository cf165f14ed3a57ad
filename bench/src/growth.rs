//! A million calls of every kind: does a process grow after the first hundred thousand?

use crate::idle::Pids;
use crate::options::MeasureArgs;
use crate::processes::Memory;
use crate::report::Report;
use crate::sidecar::Sidecar;
use crate::subject::Subject;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const CALLS: u64 = 1_000_000;
/// Calls after which a process has all it needs.
const FIRST: u64 = 100_000;
/// A step at a time, so that progress can be told.
const STEP: u64 = 50_000;
const STEP_LENGTH_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) calls: u64,
    /// After the first tenth of the calls.
    pub(crate) early: Resident,
    /// After the last.
    pub(crate) late: Resident,
}

/// Resident memory, in KiB.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Resident {
    pub(crate) client_kib: u64,
    /// Of the executor that has most.
    pub(crate) executor_kib: u64,
    pub(crate) supervisor_kib: u64,
}

pub(crate) fn measure(workspace: &Workspace, args: &MeasureArgs, report: &mut Report) {
    let calls = if args.quick { CALLS / 5 } else { CALLS };
    match growth(workspace, calls) {
        Ok(growth) => report.growth = Some(growth),
        Err(error) => report.skip("growth", &error),
    }
}

fn growth(workspace: &Workspace, calls: u64) -> Result<Growth> {
    let sidecar = Sidecar::start(workspace, "growth")?;
    let client = workspace.php_with_extension(&sidecar.address, "growth.php")?;
    let mut client = Subject::start(client)?;
    let mut early = None;
    for done in (STEP..=calls).step_by(usize::try_from(STEP)?) {
        client.command(&STEP.to_string())?;
        match client.answer(STEP_LENGTH_MAX)?.as_str() {
            "done" => eprintln!("{done} of {calls} calls"),
            other => bail!("{other}"),
        }
        if done == FIRST {
            early = Some(resident(&client, &sidecar)?);
        }
    }
    let late = resident(&client, &sidecar)?;
    Ok(Growth { calls, early: early.unwrap_or(late), late })
}

fn resident(client: &Subject, sidecar: &Sidecar) -> Result<Resident> {
    let pids = Pids::of(sidecar)?;
    let mut executor_kib = 0;
    for pid in pids.executors {
        executor_kib = executor_kib.max(Memory::of(pid)?.rss_kib);
    }
    Ok(Resident {
        client_kib: Memory::of(client.pid())?.rss_kib,
        executor_kib,
        supervisor_kib: Memory::of(pids.supervisor)?.rss_kib,
    })
}
