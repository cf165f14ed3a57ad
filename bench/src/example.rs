//! Measurements that need PHP inside the process: examples of the workspace's crates, run by cargo.

use crate::workspace::repository;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// What the example `name` of `package` prints.
pub(crate) fn output(package: &str, name: &str, args: &[&str]) -> Result<String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--release", "--locked", "--quiet", "--package", package]);
    cargo.args(["--example", name, "--"]).args(args).current_dir(repository());
    let output = cargo.output().context("cargo does not run")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        bail!("example {name} of {package}: {}: {last}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}
