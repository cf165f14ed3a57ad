//! `appserver top` in a terminal.

use crate::fake_worker::{FakeWorker, Reply};
use crate::terminal::Terminal;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

const LEAVE_ALTERNATE_SCREEN: &str = "\x1b[?1049l";

fn top(worker: &FakeWorker) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appserver"));
    command.args(["top", "--interval", "0.1", "--workers", &worker.address()]);
    command.env("TERM", "xterm-256color");
    Terminal::run(command)
}

fn worker() -> FakeWorker {
    FakeWorker::answering(|_| Reply::HangUp)
}

#[test]
fn keys_sort_pause_and_quit() {
    let worker = worker();
    let mut top = top(&worker);
    top.wait_for("shop:greet");
    assert!(!top.is_sane(), "keys come one by one");
    top.press("s");
    top.wait_for("P99*");
    top.press("p");
    top.wait_for("PAUSED");
    top.press("q");
    top.wait_for(LEAVE_ALTERNATE_SCREEN);
    assert!(top.ended().success());
    assert!(top.is_sane());
}

#[test]
fn what_was_counted_before_the_last_interval_does_not_count() {
    let worker = worker();
    let mut top = top(&worker);
    top.wait_for("since start");
    top.wait_for("(last ");
    top.press("\x03");
    assert!(top.ended().success(), "Ctrl-C quits");
    assert!(top.is_sane());
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let worker = worker();
        let mut top = top(&worker);
        top.wait_for("shop:greet");
        let pid = Pid::from_raw(top.pid().cast_signed()).expect("not 0");
        kill_process(pid, signal).expect("ours");
        top.wait_for(LEAVE_ALTERNATE_SCREEN);
        assert_eq!(top.ended().signal(), Some(signal.as_raw()));
        assert!(top.is_sane(), "{signal:?}");
    }
}
