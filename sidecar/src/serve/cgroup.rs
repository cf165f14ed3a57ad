//! Control groups (v2) of applications, below the worker's own, where that is given to it: systemd does
//! so with `Delegate=yes`.
//!
//! A group either holds processes or divides its share among groups below it, so the worker moves into
//! one of its own beside those of its applications.

use super::identity::Account;
use crate::config::{Application, Apps, Policy};
use std::fs::{File, create_dir, write};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
/// What is limited.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The worker's own group, prepared.
#[derive(Debug)]
pub(super) struct Cgroups(PathBuf);

impl Cgroups {
    /// Prepares it, if any application is to be limited by it; while the worker is still root. Where
    /// that does not work the limits do not hold, and the log says so.
    pub(super) fn prepare(apps: &Apps, account: Option<Account>) -> Option<Self> {
        if apps.named.values().all(|policy| policy.cgroup.is_empty()) {
            return None;
        }
        match own_group().and_then(|group| divide(&group, account).map(|()| group)) {
            Ok(group) => Some(Self(group)),
            Err(error) => {
                tracing::warn!(
                    "limits of [apps.NAME.cgroup] do not hold: no cgroup v2 is delegated to the \
                     worker ({error}); with systemd, set Delegate=yes"
                );
                None
            }
        }
    }

    /// The application's group with its limits, made if need be, as a descriptor of `cgroup.procs`.
    pub(super) fn procs_of(&self, config: &Application, policy: &Policy) -> Option<OwnedFd> {
        if policy.cgroup.is_empty() {
            return None;
        }
        let group = self.0.join(format!("app-{}", config.name));
        let procs = limit(&group, policy)
            .and_then(|()| File::options().write(true).open(group.join("cgroup.procs")));
        let warn = |error: &io::Error| {
            tracing::warn!(app = %config.name, "its cgroup limits do not hold: {}: {error}", group.display());
        };
        procs.inspect_err(warn).ok().map(OwnedFd::from)
    }
}

/// The worker's group in the one hierarchy of v2.
fn own_group() -> io::Result<PathBuf> {
    if !Path::new(ROOT).join("cgroup.controllers").exists() {
        return Err(io::Error::other(format!("{ROOT} is no cgroup v2")));
    }
    group_in(&std::fs::read_to_string("/proc/self/cgroup")?)
}

fn group_in(text: &str) -> io::Result<PathBuf> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.ok_or_else(|| io::Error::other("/proc/self/cgroup names none"))?;
    Ok(Path::new(ROOT).join(path.trim_end_matches(" (deleted)")))
}

fn divide(group: &Path, account: Option<Account>) -> io::Result<()> {
    let ours = group.join("supervisor");
    if !ours.is_dir() {
        create_dir(&ours)?;
    }
    write(ours.join("cgroup.procs"), "0")?;
    let enabled: Vec<String> = CONTROLLERS.iter().map(|name| format!("+{name}")).collect();
    write(group.join("cgroup.subtree_control"), enabled.join(" "))?;
    if let Some(Account { uid, gid }) = account {
        for name in ["", "cgroup.procs", "cgroup.subtree_control", "supervisor/cgroup.procs"] {
            chown(group.join(name), Some(uid), Some(gid))?;
        }
    }
    Ok(())
}

fn limit(group: &Path, policy: &Policy) -> io::Result<()> {
    if !group.is_dir() {
        create_dir(group)?;
    }
    let limits = &policy.cgroup;
    let files = [
        ("memory.max", limits.memory_bytes_max),
        ("cpu.weight", limits.cpu_weight.map(u64::from)),
        ("pids.max", limits.processes_max.map(u64::from)),
    ];
    for (file, value) in files {
        if let Some(value) = value {
            write(group.join(file), value.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_v2_is_found_among_the_others() {
        let text = "4:memory:/x\n0::/system.slice/appserver.service\n";
        let group = group_in(text).unwrap();
        assert_eq!(group, Path::new("/sys/fs/cgroup/system.slice/appserver.service"));
        assert!(group_in("4:memory:/x\n").is_err());
    }

    #[test]
    fn limits_are_written_where_the_kernel_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let (group, mut policy) = (folder.path().join("app-shop"), Policy::default());
        policy.cgroup.memory_bytes_max = Some(1 << 20);
        policy.cgroup.cpu_weight = Some(50);
        limit(&group, &policy).unwrap();
        assert_eq!(std::fs::read_to_string(group.join("memory.max")).unwrap(), "1048576");
        assert_eq!(std::fs::read_to_string(group.join("cpu.weight")).unwrap(), "50");
        assert!(!group.join("pids.max").exists());
    }
}
