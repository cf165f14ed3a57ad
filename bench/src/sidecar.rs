//! The product: a sidecar of our own with the application `bench/app`, on its defaults.

use crate::contestant::Contestant;
use crate::server::Server;
use crate::workspace::{Workspace, repository};
use anyhow::{Context, Result};
use std::fs;
use std::process::{Command, Stdio};

/// A running sidecar.
pub(crate) struct Sidecar {
    pub(crate) server: Server,
    /// As clients are told it.
    pub(crate) address: String,
    /// Of its control API.
    pub(crate) control: String,
}

impl Sidecar {
    /// Starts it and waits until it takes calls. `name` tells it from others of the same run.
    pub(crate) fn start(workspace: &Workspace, name: &str) -> Result<Self> {
        Self::start_with(workspace, name, "")
    }

    /// As [`Self::start`], with further lines of configuration.
    pub(crate) fn start_with(workspace: &Workspace, name: &str, lines: &str) -> Result<Self> {
        let appserver = workspace.artifact("appserver")?;
        workspace.artifact("appserver-php")?;
        workspace.artifact("appserver.so")?;
        let config = workspace.temp(&format!("{name}.toml"));
        let runtime = workspace.temp(&format!("{name}.run"));
        let runtime = runtime.display().to_string();
        fs::write(&config, format!("runtime_dir = {runtime:?}\n{lines}"))?;
        let address = format!("unix:{}", workspace.temp(&format!("{name}.sock")).display());
        let mut command = Command::new(&appserver);
        command.arg("serve").arg("--app").arg(repository().join("bench/app"));
        command.arg("--config").arg(&config).arg("--listen").arg(&address);
        let log = workspace.temp(&format!("{name}.log"));
        let mut server = Server::start(command, log)?;
        server
            .wait_until(|| {
                let mut call = Command::new(&appserver);
                call.args(["call", "--workers", &address, "hello", "\"world\""]);
                call.stdout(Stdio::null()).stderr(Stdio::null());
                call.status().is_ok_and(|status| status.success())
            })
            .context("the sidecar")?;
        Ok(Self { server, address, control: format!("unix:{runtime}/control.sock") })
    }
}

/// A sidecar and clients that call `function`.
pub(crate) fn start(workspace: &Workspace, name: &str, function: &str) -> Result<Contestant> {
    let Sidecar { server, address, .. } = Sidecar::start(workspace, name)?;
    Contestant::new(vec![server], || {
        let mut client = workspace.php_with_extension(&address, "appserver.php")?;
        client.arg(function);
        Ok(client)
    })
}
