//! What a worker holds: memory, processes, descriptors, disk.

use e2e::{Sidecar, eventually};
use std::fs;
use std::path::Path;

/// Memory of some processes, in KiB: their share of what they share, and what is theirs alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) processes: usize,
    pub(crate) pss: u64,
    pub(crate) private: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    pub(crate) supervisor: Memory,
    pub(crate) prototypes: Memory,
    pub(crate) executors: Memory,
    /// Of the supervisor: executors keep some of connections that are gone, until the number is used again.
    pub(crate) descriptors: usize,
    pub(crate) disk_bytes: u64,
}

impl Footprint {
    /// When the worker runs two releases, the current one and the one before, and each has no more
    /// executors than it keeps without calls.
    pub(crate) fn settled(worker: &Sidecar) -> Self {
        eventually("the current release and a warm one are left, and wait", || {
            let now = Self::of(worker)?;
            let kept = worker.status()["apps"][0]["pools"][0]["executors_min"].as_u64()?;
            let executors = now.executors.processes as u64;
            (now.prototypes.processes == 2 && executors == 2 * kept).then_some(now)
        })
    }

    /// `None` when a process ended meanwhile.
    fn of(worker: &Sidecar) -> Option<Self> {
        let prototypes = children(worker.pid())?;
        let executors = prototypes.iter().map(|pid| children(*pid)).collect::<Option<Vec<_>>>()?;
        let executors = executors.concat();
        Some(Self {
            supervisor: memory(&[worker.pid()])?,
            prototypes: memory(&prototypes)?,
            executors: memory(&executors)?,
            descriptors: entries(&format!("/proc/{}/fd", worker.pid()))?,
            disk_bytes: size(&worker.state().join("apps")),
        })
    }
}

fn children(pid: u32) -> Option<Vec<u32>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().map(|pid| pid.parse().ok()).collect()
}

fn entries(folder: &str) -> Option<usize> {
    Some(fs::read_dir(folder).ok()?.count())
}

fn memory(pids: &[u32]) -> Option<Memory> {
    let mut sum = Memory { processes: pids.len(), ..Memory::default() };
    for pid in pids {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let of = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        sum.pss += of("Pss:")?;
        sum.private += of("Private_Clean:")? + of("Private_Dirty:")?;
    }
    Some(sum)
}

/// Bytes of the files below; what goes away meanwhile is none.
pub(crate) fn size(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}
