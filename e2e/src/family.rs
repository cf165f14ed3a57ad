//! The processes of a worker: its supervisor, prototypes and executors.

use crate::{Sidecar, eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

impl Sidecar {
    /// The supervisor and all that it started, however far down.
    pub fn family(&self) -> Vec<u32> {
        let mut pids = vec![self.pid()];
        pids.extend(descendants(self.pid()));
        pids
    }

    /// Stops all of its processes where they are.
    pub fn freeze(&self) {
        let mut stopped = Vec::new();
        // One that is not stopped yet may have started another since they were listed.
        while let Some(next) = self.family().into_iter().find(|pid| !stopped.contains(pid)) {
            send_signal(next, Signal::STOP);
            stopped.push(next);
        }
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.family().into_iter().for_each(|pid| send_signal(pid, Signal::CONT));
    }

    /// Pids of the executors, once each pool has those that it keeps ready: it takes calls with its first.
    pub fn executors(&self) -> Vec<u32> {
        eventually("each pool has the executors that it keeps ready", || {
            let status = self.status();
            let mut all = Vec::new();
            for pool in status["apps"][0]["pools"].as_array().expect("pools") {
                let executors = pool["executors"].as_array().expect("executors").iter();
                let pids =
                    executors.map(|executor| executor["pid"].as_u64().expect("a pid") as u32);
                // One that is just being forked has none yet.
                let pids: Vec<u32> = pids.filter(|pid| *pid != 0).collect();
                let kept = pool["executors_min"].as_u64().expect("a number");
                if (pids.len() as u64) < kept {
                    return None;
                }
                all.extend(pids);
            }
            Some(all)
        })
    }

    /// Pid of the prototype.
    pub fn prototype(&self) -> u32 {
        self.status()["apps"][0]["prototype_pid"].as_u64().expect("a pid") as u32
    }
}

fn descendants(pid: u32) -> Vec<u32> {
    let children = children(pid).into_iter();
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

pub(crate) fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Sends a signal to any process.
pub fn send_signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("not 0");
    kill_process(pid, signal).expect("the process is ours");
}
