//! `appserver serve` in a folder of its own, ended with the test.

use crate::wire::{PATIENCE, Wire};
use protocol::{Purpose, StatusReport};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Functions that the tests call.
const FUNCTIONS: &str = r#"<?php
function hello(string $name): string { return "Hello $name"; }
function big(int $bytes): string { return str_repeat('x', $bytes); }
function pid(): int { return getmypid(); }
function wait_for(string $file): string { while (!file_exists($file)) { usleep(2000); } return 'seen'; }
function spin(): void { while (true) {} }
function die_by(int $signal): void { posix_kill(getmypid(), $signal); while (true) {} }
"#;

/// What a worker is started with.
pub(crate) struct Setting {
    folder: TempDir,
    config: String,
    listen: Vec<String>,
}

/// A running worker.
pub(crate) struct Worker {
    folder: TempDir,
    child: Child,
    /// What it printed before it was ready.
    pub(crate) announced: Vec<String>,
}

impl Setting {
    /// One application with [`FUNCTIONS`], two executors and room for four.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("appserver-").tempdir().expect("a folder");
        let setting = Self { folder, config: String::new(), listen: Vec::new() };
        setting.file("app/functions.php", FUNCTIONS);
        setting.app_toml("[executors]\nmin = 2\nmax = 4\n");
        setting
    }

    /// A worker that waits for its first deploy.
    pub(crate) fn without_applications() -> Self {
        let folder = tempfile::Builder::new().prefix("appserver-").tempdir().expect("a folder");
        Self { folder, config: String::new(), listen: Vec::new() }
    }

    pub(crate) fn file(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("ours");
        fs::write(path, content).expect("ours");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn app_toml(&self, toml: &str) {
        self.file("app/app.toml", toml);
    }

    pub(crate) fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self
    }

    pub(crate) fn listen(mut self, address: &str) -> Self {
        self.listen.push(address.to_owned());
        self
    }

    /// The command, not yet started.
    pub(crate) fn command(&self) -> Command {
        let folder = self.folder.path();
        self.file(
            "appserver.toml",
            &format!("runtime_dir = {:?}\n{}", folder.join("run"), self.config),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_appserver"));
        command.arg("serve");
        if folder.join("app").exists() {
            command.arg("--app").arg(folder.join("app"));
        }
        command.arg("--config").arg(folder.join("appserver.toml"));
        command.arg("--listen").arg(format!("unix:{}", folder.join("sock").display()));
        for address in &self.listen {
            command.args(["--listen", address]);
        }
        command.arg("--php-binary").arg(executor());
        command.stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Worker {
        let log = File::create(self.path("log")).expect("ours");
        let started = self.command().stdout(Stdio::piped()).stderr(log).spawn();
        let child = started.expect("appserver runs");
        let mut worker = Worker { folder: self.folder, child, announced: Vec::new() };
        let out = worker.child.stdout.take().expect("piped");
        let mut lines = BufReader::new(out).lines().map(|line| line.expect("text"));
        while !worker.announced.last().is_some_and(|line| line.contains("ready at")) {
            let Some(line) = lines.next() else { panic!("it did not start: {}", worker.log()) };
            worker.announced.push(line);
        }
        worker
    }
}

/// The executor beside the program under test, or where `make build` leaves it.
fn executor() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_appserver")).with_file_name("appserver-php");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/appserver-php");
    let found = [beside, built].into_iter().find(|path| path.exists());
    found.expect("appserver-php is missing: run `make build`, or cargo build -p appserver-executor")
}

impl Worker {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("sock")
    }

    pub(crate) fn wire(&self) -> Wire<UnixStream> {
        Wire::welcomed(&self.socket())
    }

    pub(crate) fn status(&self) -> StatusReport {
        let mut wire = Wire::connect(&self.socket());
        wire.hello(Purpose::Control, None).expect("a Welcome");
        wire.status()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn expect_log(&self, text: &str) {
        eventually(&format!("\"{text}\" in the log"), || self.log().contains(text).then_some(()));
    }

    /// Port of the address `scheme:127.0.0.1:…` that it listens at.
    pub(crate) fn port(&self, scheme: &str) -> u16 {
        let prefix = format!("{scheme}:127.0.0.1:");
        let listeners = self.status().listeners;
        let port = listeners.iter().find_map(|address| address.strip_prefix(&prefix)?.parse().ok());
        port.expect("it listens there")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end; the exit code.
    pub(crate) fn ended(&mut self) -> i32 {
        let status = eventually("the worker ends", || self.child.try_wait().expect("our child"));
        status.code().expect("it exits by itself")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Twice: the second one does not wait for calls.
        self.signal(Signal::TERM);
        self.signal(Signal::TERM);
        let _ = self.child.wait();
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        let _ = kill_process(pid, signal);
    }
}

/// Looks until there is a value; panics with `what` when patience ends.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
