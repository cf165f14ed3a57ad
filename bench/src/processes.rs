//! What the kernel says about processes: memory, processor time, children.

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use std::fs;
use std::time::Duration;

/// Fields of `/proc/PID/stat`.
const PARENT: usize = 4;
const USER_TICKS: usize = 14;
const SYSTEM_TICKS: usize = 15;

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) rss_kib: u64,
    /// Its share: shared pages divided by the number of processes that share them.
    pub(crate) pss_kib: u64,
    /// Pages that no other process shares.
    pub(crate) private_kib: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let file = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
        Ok(Self::parse(&text))
    }

    fn parse(rollup: &str) -> Self {
        let kib = |name: &str| -> u64 {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        Self {
            rss_kib: kib("Rss:"),
            pss_kib: kib("Pss:"),
            private_kib: kib("Private_Clean:") + kib("Private_Dirty:"),
        }
    }
}

/// Processor time a process has used, in user and kernel mode together.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let file = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let ticks = field(&text, USER_TICKS).zip(field(&text, SYSTEM_TICKS));
    let (user, system) = ticks.with_context(|| format!("{file} is not as proc(5) says"))?;
    Ok(Duration::from_millis((user + system) * 1000 / clock_ticks_per_second()))
}

/// A numeric field of `/proc/PID/stat`, counted from 1 as in proc(5). The second field, the name, may
/// contain spaces and parentheses.
fn field(stat: &str, number: usize) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number - 3)?.parse().ok()
}

/// Pids of the children of a process. Every process is asked for its parent, because not every kernel
/// has `/proc/PID/task/TID/children`.
pub(crate) fn children(parent: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that has ended meanwhile has no parent any more.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if field(&stat, PARENT) == Some(u64::from(parent)) {
            children.push(pid);
        }
    }
    Ok(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_a_rollup() {
        let text = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  900 kB\nPss:  400 kB\n\
                    Pss_Dirty:  7 kB\nPrivate_Clean:  30 kB\nPrivate_Dirty:  12 kB\n";
        let memory = Memory { rss_kib: 900, pss_kib: 400, private_kib: 42 };
        assert_eq!(Memory::parse(text), memory);
    }

    #[test]
    fn fields_are_counted_after_a_name_with_spaces() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 1 0 300 0 0";
        assert_eq!(field(stat, PARENT), Some(1));
        assert_eq!(field(stat, USER_TICKS), Some(17));
        assert_eq!(field(stat, SYSTEM_TICKS), Some(5));
    }

    #[test]
    fn this_process_can_be_measured() {
        let pid = std::process::id();
        assert!(Memory::of(pid).expect("our own").rss_kib > 0);
        assert!(processor_time(pid).is_ok());
        assert!(children(std::os::unix::process::parent_id()).expect("/proc").contains(&pid));
    }
}
