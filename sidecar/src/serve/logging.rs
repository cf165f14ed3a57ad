//! Log lines to standard error, for people or as JSON.

use super::Error;
use crate::config::LogFormat;
use crate::config::daemon::Log;
use std::io::IsTerminal;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines kept for a reader of standard error that has stopped reading; later ones are lost.
const LINES_WAITING_MAX: usize = 16 * 1024;

/// Starts logging; must be called once. What was logged is written before the guard is dropped.
///
/// A thread of its own writes the lines, because a log collector that stalls or dies must not take
/// the worker along.
pub(super) fn start(log: &Log) -> Result<WorkerGuard, Error> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| Error::start(format!("log.level \"{}\"", log.level), error))?;
    let (writer, guard): (NonBlocking, WorkerGuard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_WAITING_MAX)
        .lossy(true)
        .finish(std::io::stderr());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map(|()| guard).map_err(|error| Error::start("logging", error))
}
