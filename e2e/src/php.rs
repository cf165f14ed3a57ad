//! PHP processes that have the extension loaded.

use crate::Artifacts;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// What a finished PHP process left.
#[derive(Debug)]
pub struct PhpOutput {
    pub stdout: String,
    pub stderr: String,
    pub success: bool,
}

impl PhpOutput {
    /// Standard output; panics when the script did not end well.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.success, "PHP failed\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }
}

/// A PHP process that is running.
#[derive(Debug)]
pub struct RunningPhp {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl RunningPhp {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line that the script prints, without its newline.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("PHP's output is readable");
        line.trim_end_matches('\n').to_owned()
    }

    /// Gives the script a line on its standard input.
    pub fn enter(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        stdin.write_all(b"\n").expect("the script reads it");
    }

    /// Its standard input ends: no more lines come.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("PHP is a child of ours");
        self.child.wait().expect("PHP is a child of ours");
    }

    /// Waits for the end; `stdout` is what was not read by [`Self::line`].
    pub fn finish(mut self) -> PhpOutput {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).expect("PHP prints UTF-8");
        let output = self.child.wait_with_output().expect("PHP is a child of ours");
        PhpOutput {
            stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            success: output.status.success(),
        }
    }
}

/// What clients are given who are no test of patience: a worker on a loaded machine may not be run within
/// the second that they have by default. A test's own settings come after it.
pub const PATIENCE_S: u32 = 20;

/// Starts `php -r script` with the extension and the settings given as `name=value`.
pub(crate) fn spawn(artifacts: &Artifacts, settings: &[String], script: &str) -> RunningPhp {
    let mut command = Command::new(std::env::var("PHP").unwrap_or_else(|_| "php".to_owned()));
    command.arg("-d").arg(format!("extension={}", artifacts.extension.display()));
    command.arg("-d").arg(format!("appserver.connect_timeout={PATIENCE_S}"));
    for setting in settings {
        command.arg("-d").arg(setting);
    }
    command.args(["-d", "display_errors=stderr", "-r", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("php is installed (make setup)");
    let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    RunningPhp { child, stdout }
}
