//! From Boot to a started release.

use super::forked::in_child;
use super::last_words::{self, LastWords};
use super::preload::{self, Plan};
use super::settings;
use crate::catalog::{self, Listing};
use crate::control::Channel;
use crate::deployed;
use crate::executor::Prologue;
use anyhow::{Context, Result, anyhow};
use embed::Php;
use protocol::{Boot, Catalog, Report, body_from_slice, body_to_vec};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;

/// A started release, ready to fork executors.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) php: Php,
    pub(super) catalog: Catalog,
    pub(super) prologue: Prologue,
    pub(super) report: Report,
}

pub(super) fn start(boot: &Boot, control: &Channel) -> Result<Release> {
    last_words::arm(LastWords::Control(control.as_fd().as_raw_fd()));
    let (mut php, mut plan) = start_php(boot)?;
    if !embed::opcache_enabled() {
        plan.give_up(boot);
    }
    plan.warnings.extend(deployed::hand_over(boot));
    plan.warnings.extend(embed::take_log().into_iter().map(|line| line.text));
    let prologue = prologue(boot, &plan);
    let listing = in_child("listing its functions", || list(boot, &mut php, &prologue))?;
    last_words::disarm();
    let Listing { catalog, warnings } = body_from_slice("catalog", &listing)?;
    plan.warnings.extend(warnings);
    let report = report(&plan);
    Ok(Release { php, catalog, prologue, report })
}

fn start_php(boot: &Boot) -> Result<(Php, Plan)> {
    let mut part = None;
    let started = Php::start_prepared(&settings::options(boot), |starting| -> Result<()> {
        part = Some(preload::part(boot, starting)?);
        Ok(())
    });
    match part {
        Some(part) => part.play(boot, started),
        None => Err(started.err().unwrap_or_else(|| anyhow!("PHP started unprepared"))),
    }
}

/// The catalog where the supervisor can read it, however large it is.
pub(super) fn catalog_memfd(catalog: &Catalog) -> Result<OwnedFd> {
    let memfd = memfd_create("appserver-catalog", MemfdFlags::CLOEXEC).context("memfd")?;
    let mut file = File::from(memfd);
    file.write_all(&body_to_vec(catalog)).context("writing the catalog")?;
    Ok(file.into())
}

fn prologue(boot: &Boot, plan: &Plan) -> Prologue {
    let bootstrap = boot.bootstrap.iter().map(|file| preload::absolute(boot, file));
    Prologue::new(bootstrap.chain(plan.required.iter().cloned()).collect())
}

fn list(boot: &Boot, php: &mut Php, prologue: &Prologue) -> Result<Vec<u8>> {
    let request = php.request()?;
    prologue.run(&request).map_err(|failure| anyhow::anyhow!("{}", failure.describe()))?;
    Ok(body_to_vec(&catalog::build(boot, &request)?))
}

fn report(plan: &Plan) -> Report {
    let mut warnings = plan.warnings.clone();
    warnings.extend(settings::extension_warning());
    Report {
        php_version: embed::php_version(),
        preloaded_files: u32::try_from(plan.preloaded.len()).unwrap_or(u32::MAX),
        opcache: embed::opcache_enabled(),
        warnings,
    }
}
