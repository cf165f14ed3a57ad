//! Where and with what the figures were taken.

use crate::workspace::{Workspace, repository};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) system: String,
    /// Processes that wanted to run, over the last minute, as the run began: what disturbed it.
    pub(crate) load_average: f64,
}

impl Machine {
    pub(crate) fn describe() -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            processors: available_parallelism().map_or(1, usize::from),
            memory_mib: memory_mib(),
            kernel: output_of(Command::new("uname").arg("-sr")),
            system: field("/etc/os-release", "PRETTY_NAME").trim_matches('"').to_owned(),
            load_average: load_average(),
        }
    }
}

/// First lines of what programs and extensions say about themselves; absent ones are left out.
pub(crate) fn versions(workspace: &Workspace) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    let mut note = |name: &str, mut command: Command| {
        let version = output_of(&mut command);
        if !version.is_empty() {
            versions.insert(name.to_owned(), version);
        }
    };
    note("php", with_flag("php8.2", "--version"));
    note("php-fpm", with_flag("php-fpm8.2", "--version"));
    note("gearmand", with_flag("gearmand", "--version"));
    note("beanstalkd", with_flag("beanstalkd", "-v"));
    note("redis-server", with_flag("redis-server", "--version"));
    if let Ok(appserver) = workspace.artifact("appserver") {
        note("appserver", with_flag(&appserver.display().to_string(), "--version"));
    }
    for extension in ["apcu", "gearman", "redis", "igbinary", "msgpack"] {
        let mut command = Command::new("php8.2");
        command.args(["-r", "echo phpversion($argv[1]);", extension]);
        note(&format!("php-{extension}"), command);
    }
    let mut symfony = Command::new("dpkg-query");
    symfony.args(["--show", "--showformat=${Version}", "php-symfony-cache"]);
    note("php-symfony-cache", symfony);
    versions
}

/// Short name of the commit; with `-dirty` when files differ from it.
pub(crate) fn commit() -> String {
    let mut git = Command::new("git");
    git.arg("-C").arg(repository()).args(["describe", "--always", "--dirty", "--exclude=*"]);
    let commit = output_of(&mut git);
    if commit.is_empty() { "unknown".to_owned() } else { commit }
}

/// E.g. `20261121T131502Z`.
pub(crate) fn now_utc() -> String {
    output_of(Command::new("date").args(["-u", "+%Y%m%dT%H%M%SZ"]))
}

fn with_flag(program: &str, flag: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(flag);
    command
}

/// First line of a program's output; empty when it does not run.
fn output_of(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or_default().trim().to_owned()
}

/// Value of the first line `name = value` or `name : value` of a file.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once([':', '=']))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

fn memory_mib() -> u64 {
    let kib = field("/proc/meminfo", "MemTotal");
    kib.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024
}
