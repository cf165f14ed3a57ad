//! `appserver queue …`, as administrators run it.

use crate::{Artifacts, Sidecar};
use std::process::{Command, Output, Stdio};

/// The command, for some workers.
#[derive(Debug)]
pub struct Queue {
    workers: String,
}

/// What it printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Queue {
    pub fn of(workers: &[&Sidecar]) -> Self {
        let address = |worker: &&Sidecar| format!("unix:{}", worker.control().display());
        Self { workers: workers.iter().map(address).collect::<Vec<_>>().join(",") }
    }

    /// Nobody is at a terminal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&Artifacts::find().appserver);
        command.arg("queue").args(args).arg("--workers").arg(&self.workers).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("appserver runs").into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ran {
    /// What it printed, when all is well.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }
}
