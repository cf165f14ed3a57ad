//! Prototypes start, speak and go.

use super::deployed::{ReleaseState, pause_after};
use super::event::{Incarnation, Retry};
use super::key::{PoolKey, ReleaseKey};
use super::pool::Pool;
use super::prototype::Prototype;
use super::supervisor::{Phase, Supervisor};
use protocol::{Catalog, FromPrototype, Report, body_from_slice};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::time::Duration;

/// Largest catalog read from a prototype, in bytes.
const CATALOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

impl Supervisor {
    /// Starts the prototype of a release, or tries again later.
    pub(super) fn start_prototype(&mut self, key: &ReleaseKey) {
        if self.is_stopping() {
            return;
        }
        let Some(deployed) = self.releases.get(key) else {
            return;
        };
        // Its bootstrap may read them.
        let written = deployed.make_settings_dir(&self.settings);
        if let Err(error) = written.and_then(|()| self.give_settings(deployed)) {
            let folder = deployed.settings_dir().display();
            return self.on_start_failed(key, format!("{folder}: {error}"));
        }
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        match deployed.start(&self.settings, &self.events) {
            Ok(started) => {
                let limit = deployed.deployment.config.start_timeout_ms;
                self.retry_after(Duration::from_millis(limit), Retry::Overdue(started));
            }
            Err(reason) => self.on_start_failed(key, reason),
        }
    }

    /// A prototype that is still starting, e.g. in an endless loop of its bootstrap, is ended.
    pub(super) fn on_start_overdue(&mut self, from: &Incarnation) {
        let Some(deployed) = self.releases.get(&from.release).filter(|d| d.is_current(from)) else {
            return;
        };
        if deployed.state == ReleaseState::Starting {
            deployed.prototype.iter().for_each(Prototype::kill);
            let limit = deployed.deployment.config.start_timeout_ms;
            let reason = format!("it was not ready within {limit} ms (start_timeout_ms)");
            self.on_start_failed(&from.release, reason);
        }
    }

    pub(super) fn on_prototype(
        &mut self,
        from: &Incarnation,
        message: FromPrototype,
        mut fds: Vec<OwnedFd>,
    ) {
        let current = self.releases.get(&from.release).is_some_and(|d| d.is_current(from));
        if !current {
            return;
        }
        match message {
            FromPrototype::Ready(report) => self.on_ready(&from.release, report, fds.pop()),
            FromPrototype::Failed { message } => self.on_start_failed(&from.release, message),
            FromPrototype::Forked { pool, index, pid } => {
                let pool = PoolKey { release: from.release.clone(), index: pool };
                self.on_forked(&pool, index, pid, fds.pop());
            }
            FromPrototype::ForkFailed { pool, index, message } => {
                let pool = PoolKey { release: from.release.clone(), index: pool };
                self.on_fork_failed(&pool, index, &message);
            }
            FromPrototype::Stopped { pool, index, pid } => {
                let pool = PoolKey { release: from.release.clone(), index: pool };
                self.on_executor_stopped(&pool, index, pid);
            }
            FromPrototype::Exited(exit) => {
                let pool = PoolKey { release: from.release.clone(), index: exit.pool };
                self.on_executor_exited(&pool, exit);
            }
        }
    }

    fn on_ready(&mut self, key: &ReleaseKey, report: Report, catalog: Option<OwnedFd>) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        for warning in &report.warnings {
            tracing::warn!(release = %key, "{warning}");
        }
        let ready =
            read_catalog(catalog).and_then(|catalog| deployed.ready(catalog, report, &self.events));
        match ready {
            Ok(given_up) => self.on_started(key, &given_up),
            Err(error) => self.on_start_failed(key, format!("its catalog is unusable: {error}")),
        }
        self.leave_start_phase();
    }

    /// `given_up` are pools of its last life that are not the same in this one.
    fn on_started(&mut self, key: &ReleaseKey, given_up: &BTreeMap<u16, Pool>) {
        let Some(deployed) = self.releases.get(key) else {
            return;
        };
        if deployed.published.as_ref().is_some_and(|p| p.catalog.functions.is_empty()) {
            tracing::warn!(release = %key, "no function can be called: the entry files define none, \
                or export matches none");
        }
        tracing::info!(release = %key, pid = deployed.prototype.as_ref().map(|p| p.pid),
            php = deployed.report.php_version, opcache = deployed.report.opcache,
            preloaded_files = deployed.report.preloaded_files, "application started");
        self.tell_executors_epoch();
        self.board.publish();
        self.prepare_pools(key);
        given_up.values().for_each(|pool| self.close_all_of(pool));
        self.fill_pools(key);
        self.tell_jobs(&key.app);
        self.check_staged(key);
    }

    /// Gives new pools what their calls need, before there is an executor.
    fn prepare_pools(&mut self, key: &ReleaseKey) {
        let is_current = self.route_of(&key.app).current == key.release;
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        if !is_current {
            deployed.pools.values_mut().for_each(Pool::retire);
        }
        if let Some(deployed) = self.releases.get(key)
            && let Err(error) = self.give_settings(deployed)
        {
            tracing::error!(release = %key, %error, "its settings cannot be written");
        }
    }

    /// Forks what is missing in every pool of a release.
    pub(super) fn fill_pools(&mut self, key: &ReleaseKey) {
        let pools = self.releases.get(key).map(|deployed| deployed.pools.keys().copied());
        for index in pools.into_iter().flatten().collect::<Vec<_>>() {
            self.fill(&PoolKey { release: key.clone(), index });
        }
    }

    /// A prototype did not start: everything else goes on, and it is tried again after a pause.
    fn on_start_failed(&mut self, key: &ReleaseKey, reason: String) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        if deployed.staging.is_some() {
            return self.give_up_staging(key, &reason);
        }
        // While the worker starts, the one place that says so is `require_one_running`.
        if self.phase != Phase::Starting {
            tracing::error!(release = %key, "application did not start: {reason}");
        }
        deployed.state = ReleaseState::Failed(reason);
        if deployed.prototype.is_none() {
            self.retry_prototype(key);
        }
        self.hang_up_on(key);
        self.tell_jobs(&key.app);
        self.leave_start_phase();
    }

    /// A release that is not even tried to start.
    pub(super) fn fail(&mut self, key: &ReleaseKey, reason: String) {
        if let Some(deployed) = self.releases.get_mut(key) {
            deployed.state = ReleaseState::Failed(reason);
        }
        self.tell_jobs(&key.app);
        self.leave_start_phase();
    }

    pub(super) fn on_prototype_exited(&mut self, from: &Incarnation, status: Option<ExitStatus>) {
        let Some(deployed) = self.releases.get_mut(&from.release).filter(|d| d.is_current(from))
        else {
            return;
        };
        deployed.prototype = None;
        if deployed.stopping {
            self.bury_all(&from.release);
            return self.forget_release(&from.release);
        }
        let status = status.map_or("for an unknown reason".to_owned(), |s| s.to_string());
        if matches!(self.phase, Phase::Draining { .. } | Phase::Stopped) {
            return self.bury_all(&from.release);
        }
        if deployed.staging.is_some() {
            let reason = format!("its prototype ended: {status}");
            self.bury_all(&from.release);
            return self.give_up_staging(&from.release, &reason);
        }
        if !matches!(deployed.state, ReleaseState::Failed(_)) {
            tracing::error!(release = %from.release, %status, "prototype ended; it is replaced");
            deployed.state = match deployed.published {
                Some(_) => ReleaseState::Starting,
                None => ReleaseState::Failed(format!("prototype ended: {status}")),
            };
        }
        self.bury_all(&from.release);
        self.retry_prototype(&from.release);
        self.tell_jobs(&from.release.app);
        self.leave_start_phase();
    }

    fn retry_prototype(&mut self, key: &ReleaseKey) {
        if let Some(deployed) = self.releases.get_mut(key) {
            deployed.start_failures += 1;
            let pause = pause_after(deployed.start_failures);
            self.retry_after(pause, Retry::Prototype(key.clone()));
        }
    }
}

fn read_catalog(file: Option<OwnedFd>) -> io::Result<Catalog> {
    let mut file = File::from(file.ok_or_else(|| io::Error::other("it is missing"))?);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(CATALOG_BYTES_MAX).read_to_end(&mut bytes)?;
    body_from_slice("catalog", &bytes).map_err(io::Error::other)
}
