//! From files and command line to what holds: defaults filled in, paths made real, rules checked.

use super::daemon::check_addresses;
use super::deployment::{load_application, load_named};
use super::{ConfigError, Daemon, Deployment, level, load_daemon};
use net::Address;
use serde::Serialize;

/// Everything `serve` needs to know, before anything is bound or started.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Configuration {
    pub(crate) daemon: Daemon,
    pub(crate) deployments: Vec<Deployment>,
}

/// Reads and checks everything; binds and starts nothing.
pub(crate) fn load(options: &crate::serve::Options) -> Result<Configuration, ConfigError> {
    let mut daemon = load_daemon(options.config.as_deref())?;
    overlay(&mut daemon, options)?;
    check_addresses(&daemon.listen).map_err(|error| ConfigError::new(error.to_string()))?;
    let mut deployments = Vec::new();
    for folder in &daemon.apps.folders {
        deployments.push(load_application(folder, &daemon.apps)?);
    }
    for (name, policy) in &daemon.apps.named {
        if let Some(folder) = &policy.folder {
            deployments.push(load_named(name, folder, &daemon.apps)?);
        }
    }
    check_deployments(&daemon, &deployments)?;
    Ok(Configuration { daemon, deployments })
}

/// The command line goes before the file; applications of both are served.
fn overlay(daemon: &mut Daemon, options: &crate::serve::Options) -> Result<(), ConfigError> {
    daemon.apps.folders.extend(options.apps.iter().cloned());
    daemon.apps.executors_max = options.executors_max;
    if !options.listen.is_empty() {
        let parsed = options.listen.iter().map(|text| text.parse::<Address>());
        daemon.listen = parsed
            .collect::<Result<_, _>>()
            .map_err(|error| ConfigError::new(error.to_string()))?;
    }
    if let Some(format) = options.log_format {
        daemon.log.format = format;
    }
    if let Some(level) = &options.log_level {
        level::check(level)
            .map_err(|message| ConfigError::new(format!("--log-level: {message}")))?;
        daemon.log.level.clone_from(level);
    }
    if let Some(binary) = &options.php_binary {
        daemon.php_binary = Some(binary.clone());
    }
    Ok(())
}

/// A worker that can be controlled may begin without an application: deploys bring them.
fn check_deployments(daemon: &Daemon, deployments: &[Deployment]) -> Result<(), ConfigError> {
    if deployments.is_empty() && daemon.control.is_off() {
        return Err(ConfigError::new(
            "no application: name its folder with --app DIR, or in appserver.toml with \
             apps = [\"DIR\"]; control.listen = [] lets nobody deploy one",
        ));
    }
    for (index, deployment) in deployments.iter().enumerate() {
        let name = &deployment.config.name;
        if let Some(other) = deployments[..index].iter().find(|other| other.config.name == *name) {
            return Err(ConfigError::new(format!(
                "{} and {} are both named \"{name}\"; set another name in app.toml",
                other.root.display(),
                deployment.root.display()
            )));
        }
    }
    Ok(())
}
