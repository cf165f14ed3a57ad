//! Durable jobs: storing, starting, draining and recovering them, beside the disk that they are on.

mod backlog;
mod disk;
mod drain;
mod latency;
mod load;
mod native;
mod needed;
mod peers;
mod producers;
mod speech;
mod wire;

pub(crate) use backlog::Backlog;
pub(crate) use latency::BesideDisk;
pub(crate) use native::produce;
pub(crate) use needed::compare;
pub(crate) use producers::Producer;
pub(crate) use speech::Speech;

use crate::options::MeasureArgs;
use crate::report::Report;
use crate::workspace::Workspace;
use anyhow::Result;
use disk::Disk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was measured of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Jobs {
    /// From the call until the id is returned; nothing runs meanwhile.
    pub(crate) enqueue: Option<BesideDisk>,
    /// The same by a producer without PHP.
    pub(crate) enqueue_plain: Option<BesideDisk>,
    /// From the call until the function begins, where no other job waits or runs.
    pub(crate) start: Option<BesideDisk>,
    /// Jobs a second.
    pub(crate) producers: BTreeMap<Producer, u64>,
    pub(crate) backlog: Option<Backlog>,
}

pub(crate) fn measure(workspace: &Workspace, args: &MeasureArgs, report: &mut Report) {
    let disk = match Disk::create() {
        Ok(disk) => disk,
        Err(error) => return report.skip("jobs", &error),
    };
    type Step = fn(&Workspace, &Disk, &MeasureArgs, &mut Report) -> Result<()>;
    let steps: [(&str, Step); 3] = [
        ("latency of jobs", latency::measure),
        ("producers of jobs", producers::measure),
        ("backlog of jobs", backlog::measure),
    ];
    for (what, step) in steps {
        eprintln!("measuring {what}");
        if let Err(error) = step(workspace, &disk, args, report) {
            report.skip(what, &error);
        }
    }
}
