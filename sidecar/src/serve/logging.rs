//! Log lines to standard error, for people or as JSON.

use super::Error;
use crate::config::LogFormat;
use crate::config::daemon::Log;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging; must be called once.
pub(super) fn start(log: &Log) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| Error::start(format!("log.level \"{}\"", log.level), error))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Error::start("logging", error))
}
