//! A sidecar of a test's own, in a folder of its own, stopped with the test.

use crate::family::send_signal;
use crate::php::{PATIENCE_S, spawn};
use crate::{Artifacts, PhpOutput, RunningPhp, eventually, process_is_gone};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::PipeReader;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What a sidecar is started with.
#[derive(Debug, Default)]
pub struct SidecarBuilder {
    /// Paths below the folder of applications.
    files: Vec<(String, String)>,
    daemon_config: String,
    listen: Vec<String>,
    env: Vec<(String, String)>,
    folders_in_config: bool,
    log_unread: bool,
    user: Option<u32>,
}

impl SidecarBuilder {
    /// Adds a file to the folder of the application `app`.
    pub fn file(self, name: &str, content: &str) -> Self {
        self.file_of("app", name, content)
    }

    /// Adds a file to the folder of the application `app`, which is served beside the others.
    pub fn file_of(mut self, app: &str, name: &str, content: &str) -> Self {
        self.files.push((format!("{app}/{name}"), content.to_owned()));
        self
    }

    /// Text of the daemon's configuration file.
    pub fn config(mut self, toml: &str) -> Self {
        self.daemon_config.push_str(toml);
        self
    }

    /// A further address to listen at.
    pub fn listen(mut self, address: &str) -> Self {
        self.listen.push(address.to_owned());
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The configuration file itself names the applications' folders, `apps/NAME`.
    pub fn folders_in_config(mut self) -> Self {
        self.folders_in_config = true;
        self
    }

    /// Somebody else starts it, as only root can arrange.
    pub fn started_by(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// The log goes into a pipe that nobody reads, see [`Sidecar::close_log`].
    pub fn log_unread(mut self) -> Self {
        self.log_unread = true;
        self
    }

    /// Starts it and waits until it takes calls.
    pub fn start(self) -> Sidecar {
        let mut sidecar = self.prepare();
        sidecar.restart();
        sidecar
    }

    /// Starts it where it must fail to: its exit code and what it said.
    pub fn fails_to_start(self) -> (Option<i32>, String) {
        let sidecar = self.prepare();
        let output = sidecar.command().output().expect("appserver runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn prepare(self) -> Sidecar {
        let mut artifacts = Artifacts::find();
        let folder =
            tempfile::Builder::new().prefix("appserver-e2e-").tempdir().expect("a temp folder");
        let apps = folder.path().join("apps");
        for (name, content) in &self.files {
            let path = apps.join(name);
            fs::create_dir_all(path.parent().expect("inside the app")).expect("the folder is ours");
            fs::write(path, content).expect("the folder is ours");
        }
        let runtime = folder.path().join("run");
        let config =
            format!("runtime_dir = {:?}\n{}", runtime.display().to_string(), self.daemon_config);
        fs::write(folder.path().join("appserver.toml"), config).expect("the folder is ours");
        // Applications may have users of their own.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("the folder is ours");
        if self.user.is_some() {
            let binaries = folder.path().join("bin");
            fs::create_dir(&binaries).expect("the folder is ours");
            artifacts = artifacts.copied_to(&binaries);
            std::os::unix::fs::chown(folder.path(), self.user, self.user).expect("we are root");
        }
        Sidecar {
            artifacts,
            folder,
            user: self.user,
            listen: self.listen,
            env: self.env,
            folders_in_config: self.folders_in_config,
            log_unread: self.log_unread,
            log_reader: None,
            child: None,
        }
    }
}

/// A running sidecar.
#[derive(Debug)]
pub struct Sidecar {
    artifacts: Artifacts,
    folder: TempDir,
    user: Option<u32>,
    listen: Vec<String>,
    env: Vec<(String, String)>,
    folders_in_config: bool,
    log_unread: bool,
    log_reader: Option<PipeReader>,
    child: Option<Child>,
}

impl Sidecar {
    pub fn builder() -> SidecarBuilder {
        SidecarBuilder::default()
    }

    /// A sidecar whose application is one file of functions (PHP source without the opening tag).
    pub fn with_functions(source: &str) -> Self {
        Self::builder().file("functions.php", &format!("<?php\n{source}")).start()
    }

    /// `unix:…`, as clients name it.
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("appserver.sock")
    }

    /// The folder of the application `app`.
    pub fn app(&self) -> PathBuf {
        self.apps().join("app")
    }

    fn apps(&self) -> PathBuf {
        self.folder.path().join("apps")
    }

    /// The folder of what outlives it.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Its control socket.
    pub fn control(&self) -> PathBuf {
        self.folder.path().join("run/control.sock")
    }

    /// The worker's configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("appserver.toml")
    }

    /// The certificate it made for itself.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("run/certificate.pem")
    }

    /// What the sidecar has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the sidecar was not killed").id()
    }

    /// The reader of an unread log goes away.
    pub fn close_log(&mut self) {
        self.log_reader = None;
    }

    fn open_log(&mut self) -> Stdio {
        if self.log_unread {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            self.log_reader = Some(reader);
            return writer.into();
        }
        let path = self.folder.path().join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(path);
        log.expect("the folder is ours").into()
    }

    /// Starts it (again) and waits until it takes calls.
    pub fn restart(&mut self) {
        let log = self.open_log();
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("appserver runs"));
        eventually("the sidecar takes calls", || {
            let child = self.child.as_mut().expect("just started");
            if let Some(status) = child.try_wait().expect("a child of ours") {
                panic!("the sidecar ended with {status}\n{}", self.log());
            }
            let apps = self.try_status()?["apps"].as_array()?.clone();
            apps.iter().all(|app| app["state"] == "running").then_some(())
        });
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.artifacts.appserver);
        command.arg("serve").arg("--config").arg(self.config_file());
        if !self.folders_in_config {
            // There is none where applications are deployed.
            for app in fs::read_dir(self.apps()).into_iter().flatten() {
                command.arg("--app").arg(app.expect("the folder is ours").path());
            }
        }
        command.arg("--listen").arg(self.address());
        for address in &self.listen {
            command.arg("--listen").arg(address);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Sends a signal to the supervisor.
    pub fn signal(&self, signal: Signal) {
        send_signal(self.pid(), signal);
    }

    /// SIGKILL to the supervisor; returns when it is gone.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("killed once");
        child.kill().expect("a child of ours");
        child.wait().expect("a child of ours");
    }

    /// Kills it, and starts it again so that it dies, as by SIGKILL, when it comes to this point.
    pub fn restart_to_die_at(&mut self, fault_point: &str) {
        self.kill();
        self.env.push(("APPSERVER_FAULT_POINT".to_owned(), fault_point.to_owned()));
        self.restart();
        self.env.pop();
    }

    /// Starts it so that it dies when it comes to this point, however soon that is; returns when it has.
    pub fn die_at(&mut self, fault_point: &str) {
        let log = self.open_log();
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.env("APPSERVER_FAULT_POINT", fault_point);
        self.child = Some(command.spawn().expect("appserver runs"));
        self.await_death();
    }

    /// Waits until it has died by itself.
    pub fn await_death(&mut self) {
        let mut child = self.child.take().expect("it was not killed");
        eventually("the sidecar dies", || child.try_wait().expect("a child of ours"));
    }

    /// Runs a PHP script against this sidecar.
    pub fn php(&self, script: &str) -> PhpOutput {
        self.spawn_php(script).finish()
    }

    /// Runs a PHP script with further settings, each `name=value`.
    pub fn php_with(&self, settings: &[&str], script: &str) -> PhpOutput {
        self.spawn_php_with(settings, script).finish()
    }

    /// Starts a PHP script against this sidecar.
    pub fn spawn_php(&self, script: &str) -> RunningPhp {
        self.spawn_php_with(&[], script)
    }

    /// Starts a PHP script with further settings, each `name=value`.
    pub fn spawn_php_with(&self, settings: &[&str], script: &str) -> RunningPhp {
        let mut all = vec![format!("appserver.workers={}", self.address())];
        all.extend(settings.iter().map(|setting| (*setting).to_owned()));
        spawn(&self.artifacts, &all, script)
    }

    /// What `appserver status --json` says.
    pub fn status(&self) -> Value {
        self.try_status().expect("the sidecar answers")
    }

    fn try_status(&self) -> Option<Value> {
        let mut command = Command::new(&self.artifacts.appserver);
        command.args(["status", "--json", "--workers"]).arg(self.address());
        command.args(["--connect-timeout", &PATIENCE_S.to_string()]);
        let output = command.stderr(Stdio::null()).output().expect("appserver runs");
        output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    /// The port of this host at which it listens with TLS, having been told to choose one.
    pub fn tls_port(&self) -> u16 {
        let status = self.status();
        let listeners = status["listeners"].as_array().expect("listeners").iter();
        let mut addresses = listeners.map(|address| address.as_str().expect("an address"));
        let port = addresses.find_map(|address| address.strip_prefix("tls:127.0.0.1:"));
        port.and_then(|port| port.parse().ok()).expect("a TLS listener")
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = child.id();
        if let Some(raw) = Pid::from_raw(pid.cast_signed()) {
            // It may be frozen by the test.
            let _ = kill_process(raw, Signal::CONT);
            let _ = kill_process(raw, Signal::TERM);
        }
        if !std::thread::panicking() {
            eventually("the sidecar stops on SIGTERM", || process_is_gone(pid).then_some(()));
        } else {
            eprintln!("sidecar's log:\n{}", self.log());
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}
