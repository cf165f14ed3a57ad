//! A PHP-FPM of a test's own, and just enough FastCGI to ask it for a page.

use crate::family::children;
use crate::php::PATIENCE_S;
use crate::{Artifacts, Sidecar, eventually, process_is_gone};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;

/// A running FPM whose children have the extension loaded.
#[derive(Debug)]
pub struct Fpm {
    folder: TempDir,
    child: Child,
}

impl Fpm {
    /// Starts FPM with `children` children whose calls go to `sidecar`.
    pub fn start(sidecar: &Sidecar, children: u32) -> Self {
        Self::start_with(sidecar, children, &[])
    }

    /// The same with settings of PHP, each `name=value`.
    pub fn start_with(sidecar: &Sidecar, children: u32, settings: &[&str]) -> Self {
        let folder =
            tempfile::Builder::new().prefix("appserver-fpm-").tempdir().expect("a temp folder");
        let user =
            if rustix::process::geteuid().is_root() { "user = root\ngroup = root\n" } else { "" };
        let mut config = format!(
            "[global]\nerror_log = {0}/log\ndaemonize = no\n[www]\n{user}listen = {0}/fpm.sock\npm = static\n\
             pm.max_children = {children}\ncatch_workers_output = yes\n",
            folder.path().display(),
        );
        let workers = format!("appserver.workers={}", sidecar.address());
        let patience = format!("appserver.connect_timeout={PATIENCE_S}");
        for setting in [&*workers, &*patience].iter().chain(settings) {
            let (name, value) = setting.split_once('=').expect("name=value");
            config.push_str(&format!("php_admin_value[{name}] = {value}\n"));
        }
        fs::write(folder.path().join("fpm.conf"), config).expect("the folder is ours");
        let binary = std::env::var("PHP_FPM").unwrap_or_else(|_| "php-fpm8.2".to_owned());
        let child = Command::new(binary)
            .arg("--fpm-config")
            .arg(folder.path().join("fpm.conf"))
            .args(["--allow-to-run-as-root", "--nodaemonize", "-d"])
            .arg(format!("extension={}", Artifacts::find().extension.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("php-fpm8.2 is installed (make setup)");
        let fpm = Self { folder, child };
        eventually("FPM listens", || UnixStream::connect(fpm.socket()).ok());
        fpm
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("fpm.sock")
    }

    /// What FPM and its children logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Puts a script where [`Self::request`] finds it.
    pub fn script(&self, name: &str, php: &str) {
        fs::write(self.folder.path().join(name), format!("<?php\n{php}"))
            .expect("the folder is ours");
    }

    /// Pids of the children that run.
    pub fn children(&self) -> Vec<u32> {
        children(self.child.id()).into_iter().filter(|&pid| !process_is_gone(pid)).collect()
    }

    /// Requests a script; the body of the answer, as far as it came.
    pub fn request(&self, name: &str) -> String {
        let mut out = Vec::new();
        self.exchange(name, &mut out).unwrap_or_default();
        body(&out)
    }

    /// The same; `None` when the answer has no end, as when the child was killed.
    pub fn try_request(&self, name: &str) -> Option<String> {
        let mut out = Vec::new();
        self.exchange(name, &mut out).ok().map(|()| body(&out))
    }

    /// Requests a script and reads all of the answer.
    fn exchange(&self, name: &str, out: &mut Vec<u8>) -> io::Result<()> {
        let mut stream = UnixStream::connect(self.socket()).expect("FPM listens");
        let script = self.folder.path().join(name).display().to_string();
        let params = [
            ("SCRIPT_FILENAME", script.as_str()),
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", name),
        ];
        let mut encoded = Vec::new();
        for (key, value) in params {
            for length in [key.len(), value.len()] {
                encoded.extend((length as u32 | 0x8000_0000).to_be_bytes());
            }
            encoded.extend(key.bytes().chain(value.bytes()));
        }
        let mut request = record(BEGIN, &[0, 1, 0, 0, 0, 0, 0, 0]);
        request.extend(record(PARAMS, &encoded));
        request.extend(record(PARAMS, &[]));
        request.extend(record(STDIN, &[]));
        stream.write_all(&request)?;
        read_answer(&mut stream, out)
    }
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("small requests only").to_be_bytes();
    let mut record = vec![1, kind, 0, 1, length[0], length[1], 0, 0];
    record.extend_from_slice(content);
    record
}

fn read_answer(stream: &mut UnixStream, out: &mut Vec<u8>) -> io::Result<()> {
    let mut head = [0; 8];
    loop {
        stream.read_exact(&mut head)?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut content = vec![0; length + usize::from(head[6])];
        stream.read_exact(&mut content)?;
        match head[1] {
            STDOUT => out.extend_from_slice(&content[..length]),
            END => return Ok(()),
            _ => {}
        }
    }
}

/// What follows the headers.
fn body(answer: &[u8]) -> String {
    let answer = String::from_utf8_lossy(answer).into_owned();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or(answer)
}

impl Drop for Fpm {
    fn drop(&mut self) {
        let pid = self.child.id();
        if let Some(raw) = Pid::from_raw(pid.cast_signed()) {
            let _ = kill_process(raw, Signal::TERM);
        }
        if !std::thread::panicking() {
            eventually("FPM stops on SIGTERM", || process_is_gone(pid).then_some(()));
        }
        let _ = self.child.wait();
    }
}
