//! A folder that is edited while `appserver dev` serves it.

use crate::family::send_signal;
use crate::php::{PATIENCE_S, spawn};
use crate::{Artifacts, PhpOutput, RunningPhp, eventually, process_is_gone};
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running `appserver dev` of a test's own; the application is called `app`.
#[derive(Debug)]
pub struct Dev {
    artifacts: Artifacts,
    folder: TempDir,
    child: Child,
}

impl Dev {
    /// Starts it on a folder with these files, and waits until it says that it is ready.
    pub fn start(files: &[(&str, &str)]) -> Self {
        let artifacts = Artifacts::find();
        let folder = tempfile::Builder::new().prefix("appserver-e2e-").tempdir().expect("a folder");
        let (app, place) = (folder.path().join("app"), folder.path());
        for (name, text) in files {
            let path = app.join(name);
            fs::create_dir_all(path.parent().expect("inside the app")).expect("ours");
            fs::write(path, text).expect("ours");
        }
        let runtime = format!("runtime_dir = {:?}\n", place.join("run").display().to_string());
        fs::write(place.join("appserver.toml"), runtime).expect("ours");
        let file = |name: &str| fs::File::create(place.join(name)).expect("ours");
        let mut command = Command::new(&artifacts.appserver);
        command.arg("dev").arg(&app).arg("--config").arg(place.join("appserver.toml"));
        command.arg("--listen").arg(format!("unix:{}", place.join("dev.sock").display()));
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().expect("appserver runs");
        let dev = Self { artifacts, folder, child };
        dev.says("appserver: ready at ");
        dev
    }

    /// Writes a file of the application where it is, as simple editors do.
    pub fn save(&self, name: &str, text: &str) {
        let path = self.app().join(name);
        fs::create_dir_all(path.parent().expect("inside the app")).expect("ours");
        fs::write(path, text).expect("ours");
    }

    /// Puts a whole file in the place of one, as careful editors do: whoever looks sees all of it.
    pub fn replace(&self, name: &str, text: &str) {
        let whole = self.app().join(format!(".{name}.swp"));
        fs::write(&whole, text).expect("ours");
        fs::rename(whole, self.app().join(name)).expect("ours");
    }

    /// Where the application is edited.
    pub fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    /// The worker's own folder.
    pub fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("stdout")).expect("ours")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).expect("ours")
    }

    /// Waits until it has printed this.
    #[track_caller]
    pub fn says(&self, text: &str) {
        let what = format!("it prints {text:?}");
        eventually(&what, || self.output().contains(text).then_some(()));
    }

    /// Waits until the function gives this.
    #[track_caller]
    pub fn gives(&self, function: &str, result: &str) {
        let script = format!("try {{ echo appserver_call('{function}'); }} catch (Throwable) {{}}");
        let what = format!("{function}() gives {result:?}");
        eventually(&what, || (self.php(&script).ok() == result).then_some(()));
    }

    /// Runs a PHP script against it.
    pub fn php(&self, script: &str) -> PhpOutput {
        self.spawn_php(script).finish()
    }

    /// Starts a PHP script against it.
    pub fn spawn_php(&self, script: &str) -> RunningPhp {
        let socket = self.folder.path().join("dev.sock");
        let workers = format!("appserver.workers=unix:{}", socket.display());
        spawn(&self.artifacts, &[workers], script)
    }

    /// What `appserver call` says on standard error.
    pub fn call(&self, function: &str) -> String {
        let socket = format!("unix:{}", self.folder.path().join("dev.sock").display());
        let mut command = Command::new(&self.artifacts.appserver);
        let patience = PATIENCE_S.to_string();
        let args = ["call", "--workers", &socket, "--connect-timeout", &patience, function];
        let output = command.args(args).output();
        String::from_utf8_lossy(&output.expect("appserver runs").stderr).into_owned()
    }

    /// Ends it as Ctrl-C does; its exit code.
    pub fn interrupt(&mut self) -> Option<i32> {
        send_signal(self.child.id(), Signal::INT);
        self.child.wait().expect("a child of ours").code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if std::thread::panicking() {
            eprintln!("printed:\n{}\nlogged:\n{}", self.output(), self.log());
        }
        let pid = self.child.id();
        send_signal(pid, Signal::TERM);
        if !std::thread::panicking() {
            eventually("dev stops on SIGTERM", || process_is_gone(pid).then_some(()));
        }
        let _ = self.child.wait();
    }
}
