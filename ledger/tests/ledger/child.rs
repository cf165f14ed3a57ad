//! Tests that need a process to themselves run again as a child of theirs.

use std::process::{Child, Command, Stdio};

const VARIABLE: &str = "LEDGER_CHILD";

/// Starts the test of this name once more. There [`argument`] is some. What it writes to standard
/// error can be read; standard output is the test harness's.
pub(crate) fn start(test: &str, argument: &str) -> Child {
    let program = std::env::current_exe().expect("the test's program");
    Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(VARIABLE, argument)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child")
}

pub(crate) fn argument() -> Option<String> {
    std::env::var(VARIABLE).ok()
}
