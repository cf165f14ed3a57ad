//! The prototype: starts a release once, and forks its executors.

mod environment;
mod family;
mod forked;
mod last_words;
mod preload;
mod settings;
mod signals;
mod start;

use crate::control::Channel;
use crate::executor;
use anyhow::{Context, Result};
use protocol::{Boot, FromPrototype};
use rustix::fd::AsFd;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::process::ExitCode;

/// Lives until the supervisor says Stop or goes away; an error is one that it was not told of.
pub(crate) fn run(boot: &Boot, control: &Channel) -> Result<ExitCode> {
    // The end of the control socket says so, too, but not to one that is stopped or hangs. Executors
    // ask for the same.
    set_parent_process_death_signal(Some(Signal::KILL)).context("PR_SET_PDEATHSIG")?;
    // PHP takes what it finds as its default for each request; preloading puts its own before that.
    executor::outlast()?;
    let started = environment::prepare(boot).and_then(|()| start::start(boot, control));
    executor::outlast()?;
    let mut release = match started {
        Ok(release) => release,
        Err(error) => {
            let message = format!("{error:#}");
            // It is the supervisor's to say, unless that is gone.
            let told = control.send(&FromPrototype::Failed { message }, &[]);
            return told.map(|()| ExitCode::FAILURE).map_err(|_| error);
        }
    };
    let catalog = start::catalog_memfd(&release.catalog)?;
    control.send(&FromPrototype::Ready(release.report.clone()), &[catalog.as_fd()])?;
    drop(catalog);
    family::Family::new(boot, control, &mut release)?.run()?;
    Ok(ExitCode::SUCCESS)
}
