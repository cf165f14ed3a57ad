//! Whoever deploys to the workers of a test.

use crate::{Artifacts, Sidecar, SidecarBuilder};
use serde_json::Value;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Whoever deploys: a key, and a folder to deploy from.
#[derive(Debug)]
pub struct Deployer {
    folder: TempDir,
    /// The line that workers are given.
    public: String,
}

impl Deployer {
    pub fn with_new_key() -> Self {
        let folder = tempfile::Builder::new().prefix("appserver-e2e-").tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("app")).expect("ours");
        let mut deployer = Self { folder, public: String::new() };
        deployer.public =
            deployer.run(&[], &["keygen", "--out", &deployer.path("key")]).trim().into();
        deployer
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("ASCII").to_owned()
    }

    /// A worker without an application that trusts the key.
    pub fn worker(&self) -> Sidecar {
        self.builder().start()
    }

    /// The line that workers are given.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The same, to be given more.
    pub fn builder(&self) -> SidecarBuilder {
        Sidecar::builder().config(&self.trust())
    }

    /// What a worker's configuration says to trust the key.
    pub fn trust(&self) -> String {
        format!("[deploy]\ntrusted_keys = [{:?}]\n", self.public)
    }

    pub fn output(workers: &[&Sidecar], args: &[&str]) -> Output {
        Self::output_at(&controls(workers), args)
    }

    fn output_at(controls: &str, args: &[&str]) -> Output {
        let mut command = Command::new(Artifacts::find().appserver);
        command.args(args).env("APPSERVER_CONTROL", controls);
        command.output().expect("appserver runs")
    }

    /// What a command prints that ends well.
    pub fn run(&self, workers: &[&Sidecar], args: &[&str]) -> String {
        let output = Self::output(workers, args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Deploys functions as the application `shop`.
    pub fn deploy(&self, workers: &[&Sidecar], functions: &str, more: &[&str]) -> Output {
        self.deploy_at(&controls(workers), functions, more)
    }

    /// The same by the workers' [`controls`], whatever becomes of them meanwhile.
    pub fn deploy_at(&self, controls: &str, functions: &str, more: &[&str]) -> Output {
        let app = self.folder.path().join("app");
        std::fs::write(app.join("functions.php"), format!("<?php\n{functions}")).expect("ours");
        let (app, key) = (self.path("app"), self.path("key"));
        let args = ["deploy", &app, "--app", "shop", "--key", &key];
        Self::output_at(controls, &[&args, more].concat())
    }

    /// Starts to deploy functions; what it says is thrown away.
    pub fn begin_deploy(&self, workers: &[&Sidecar], functions: &str) -> Child {
        let app = self.folder.path().join("app");
        std::fs::write(app.join("functions.php"), format!("<?php\n{functions}")).expect("ours");
        let mut command = Command::new(Artifacts::find().appserver);
        command.args(["deploy", &self.path("app"), "--app", "shop", "--key", &self.path("key")]);
        command.env("APPSERVER_CONTROL", controls(workers));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("appserver runs")
    }

    /// Two workers that know each other. Their clients are not led from one to the other: the address
    /// for calls is none.
    pub fn pair(&self) -> (Sidecar, Sidecar) {
        let (mut first, mut second) = (self.worker(), self.worker());
        for (worker, other) in [(&first, &second), (&second, &first)] {
            let control = controls(&[other]);
            let member = format!("address = \"tls:127.0.0.1:1\"\ncontrol = {control:?}\n");
            let config = std::fs::read_to_string(worker.config_file()).expect("ours");
            let config = format!("{config}[[membership.workers]]\n{member}");
            std::fs::write(worker.config_file(), config).expect("ours");
        }
        for worker in [&mut first, &mut second] {
            worker.kill();
            worker.restart();
        }
        (first, second)
    }

    pub fn releases(&self, workers: &[&Sidecar]) -> Value {
        let told = self.run(workers, &["releases", "--app", "shop", "--json"]);
        serde_json::from_str(&told).expect("JSON")
    }
}

/// The control sockets of workers, as `--workers` takes them.
pub fn controls(workers: &[&Sidecar]) -> String {
    let addresses = workers.iter().map(|worker| format!("unix:{}", worker.control().display()));
    addresses.collect::<Vec<_>>().join(",")
}

/// Panics with what a command said that did not end well.
#[track_caller]
pub fn ok(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The functions of a release, which tell which it is.
pub fn release(version: &str) -> String {
    format!("function version(): string {{ return '{version}'; }}")
}

/// Which release a worker serves, by its function of that name.
#[track_caller]
pub fn version(worker: &Sidecar) -> String {
    worker.php("echo appserver_call('version');").ok()
}
