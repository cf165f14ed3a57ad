//! The prototype and its family.

use crate::support::{FakeSupervisor, boot};
use protocol::{FromPrototype, ToPrototype};
use std::process::Command;

#[test]
fn a_prototype_ends_with_its_executors_when_told() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let pids = [supervisor.fork(0, 0).pid, supervisor.fork(0, 1).pid];
    supervisor.control.send(&ToPrototype::Stop, &[]);
    assert!(supervisor.wait().success());
    for pid in pids {
        assert!(!alive(pid), "executor {pid} outlived its prototype");
    }
}

#[test]
fn a_prototype_ends_when_its_supervisor_is_gone() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let pid = supervisor.fork(0, 0).pid;
    supervisor.hang_up();
    assert!(supervisor.wait().success());
    assert!(!alive(pid), "executor {pid} outlived its prototype");
}

#[test]
fn an_executor_does_not_outlive_a_killed_prototype() {
    let mut supervisor = FakeSupervisor::start(boot("basic"));
    let executor = supervisor.fork(0, 0);
    let pidfd = executor.take_pidfd();
    supervisor.kill();
    crate::support::wait_for(&pidfd);
}

#[test]
fn a_fork_that_makes_no_sense_is_refused() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    supervisor.control.send(&ToPrototype::Fork { pool: 9, index: 0, cells: 4 }, &[]);
    let message = supervisor.control.receive::<FromPrototype>().0;
    let FromPrototype::ForkFailed { pool: 9, message, .. } = message else {
        panic!("unexpected {message:?}")
    };
    assert!(message.contains("no such pool"), "{message}");
}

#[test]
fn run_by_hand_it_explains_itself() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_appserver-php")).args(arguments).output().unwrap()
    };
    let help = run(&["--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("appserver serve"));
    let version = run(&["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).contains("(PHP 8."));
    let bare = run(&[]);
    assert_eq!(bare.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&bare.stderr).contains("started by `appserver serve`"));
    assert_eq!(run(&["--nonsense"]).status.code(), Some(64));
}

/// A zombie counts as gone.
fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}
