//! A release that is being staged: started, looked at until it can take calls, or given up.

use super::app::unknown_release;
use super::asked::Asked;
use super::commit::After;
use super::deployed::{Deployed, ReleaseState};
use super::event::Retry;
use super::fault;
use super::key::ReleaseKey;
use super::stage::{abandoned, remove_in_background};
use super::store::Share;
use super::supervisor::Supervisor;
use crate::admin::{
    Activate, AdminError, Answer, Change, Code, Reply, Settings as Generation, Staged,
};
use crate::config::{self, Deployment};
use protocol::{AppName, Catalog, diff};
use std::time::Duration;

/// From one look whether a release can go on to the next.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A release that is being staged: who waits for it, and what is to follow.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) asked: Asked,
    pub(super) number: u64,
    pub(super) then: Then,
    pub(super) provisioned: Vec<String>,
}

/// What follows when a release is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Its report.
    Report,
    /// The first of two phases in which it becomes current.
    Prepare(Activate),
    /// It becomes current.
    Activate(Activate),
    /// It gets its share of the requests, as on the worker that has these settings.
    Try { settings: Generation, share: Share },
}

impl Supervisor {
    /// An accepted release is started.
    pub(super) fn start_accepted(&mut self, number: u64, then: Then, asked: Asked) {
        let app = asked.app.clone();
        match self.deployment_of(&app, number) {
            Err(error) => asked.answer(self, Err(error)),
            Ok(deployment) => {
                let staging = Staging { asked, number, then, provisioned: Vec::new() };
                self.start_release(&app, number, deployment, staging);
            }
        }
    }

    /// What is to run for a release that is here.
    pub(super) fn deployment_of(
        &self,
        app: &AppName,
        number: u64,
    ) -> Result<Deployment, AdminError> {
        let known = self.app(app)?;
        if number == 0 {
            let folder = self.folders.get(app).cloned();
            return folder.ok_or_else(|| unknown_release(app, number));
        }
        if !known.kept.contains_key(&number) {
            return Err(unknown_release(app, number));
        }
        config::load_release(&known.store.root(number), app, &self.settings.daemon.apps)
            .map_err(|error| AdminError::new(Code::NotStaged, error.to_string()))
    }

    /// Starts a release that does not run yet; `staging` says what follows.
    pub(super) fn start_release(
        &mut self,
        app: &AppName,
        number: u64,
        deployment: Deployment,
        staging: Staging,
    ) {
        let Some(release) = self.apps.get(app).and_then(|known| known.release(number)) else {
            return staging.asked.answer(self, Err(unknown_release(app, number)));
        };
        let key = ReleaseKey { app: app.clone(), release };
        if let Some(running) = self.releases.get_mut(&key) {
            // It has only so long to end, unless the kernel holds it.
            if running.stopping && !staging.asked.is_abandoned() {
                let (app, deployment) = (app.clone(), Box::new(deployment));
                let retry = Retry::Start { app, number, deployment, staging };
                return self.retry_after(LOOK_AGAIN, retry);
            }
            if running.stopping || running.staging.is_some() {
                let message = format!("release {number} is starting or ending; try again");
                let busy = AdminError::new(Code::Conflict, message);
                return staging.asked.answer(self, Err(busy));
            }
            running.drains_until = None;
            running.asked_to_drain = false;
            running.staging = Some(staging);
            return self.check_staged(&key);
        }
        if deployment.config.provision.is_empty() {
            return self.start_provisioned(key, deployment, staging);
        }
        if self.staging.contains(app) {
            let message =
                format!("another release of \"{app}\" is being staged; try again after it");
            return staging.asked.answer(self, Err(AdminError::new(Code::Conflict, message)));
        }
        self.provision(key, deployment, staging);
    }

    /// As above; the ground is prepared.
    pub(super) fn start_provisioned(
        &mut self,
        key: ReleaseKey,
        deployment: Deployment,
        staging: Staging,
    ) {
        let mut deployed = Deployed::new(key.clone(), deployment, &self.settings);
        deployed.staging = Some(staging);
        self.releases.insert(key.clone(), deployed);
        fault::point("stage.start");
        self.start_prototype(&key);
    }

    /// Whether a release that is being staged can take calls now; looked at again until it can.
    pub(super) fn check_staged(&mut self, key: &ReleaseKey) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        let Some(staging) = &deployed.staging else {
            return;
        };
        if deployed.state != ReleaseState::Running {
            return;
        }
        if staging.then == Then::Report && staging.asked.is_abandoned() {
            return self.give_up_staging(key, &abandoned().message);
        }
        let ready = deployed.pools.values().all(super::pool::Pool::is_ready);
        // What follows is to follow from the state that is being written, if one is.
        if !ready || self.committing.contains(&key.app) {
            return self.retry_after(LOOK_AGAIN, Retry::Staged(key.clone()));
        }
        let staging = self.releases.get_mut(key).and_then(|deployed| deployed.staging.take());
        let Some(Staging { asked, number, then, provisioned }) = staging else {
            return;
        };
        fault::point("stage.ready");
        match then {
            Then::Report => {
                self.keep_staged(key);
                let report = self.staged_report(key, number, provisioned, &asked);
                asked.answer(self, report);
            }
            Then::Prepare(body) => {
                let state = self.prepare(&key.app, &body);
                self.commit_if(state, asked, After::Prepared);
            }
            Then::Activate(body) => self.activate_release(&key.app, body, asked),
            Then::Try { settings, share } => {
                let state = self.adopted_state(&key.app, &settings, Some(share));
                self.commit_if(state, asked, After::Shared);
            }
        }
    }

    /// A release that was being staged does not start: nothing of it stays.
    pub(super) fn give_up_staging(&mut self, key: &ReleaseKey, reason: &str) {
        let Some(mut deployed) = self.releases.remove(key) else {
            return;
        };
        if let Some(prototype) = &deployed.prototype {
            prototype.kill();
        }
        let _ = super::directories::remove_temp(deployed.temp_dir());
        if let Some(staging) = deployed.staging.take() {
            self.refuse_staging(key, staging, reason);
        }
    }

    /// Says why a release does not start; one that has just arrived is removed.
    pub(super) fn refuse_staging(&mut self, key: &ReleaseKey, staging: Staging, reason: &str) {
        let number = staging.number;
        if let Some(known) = self.apps.get_mut(&key.app) {
            known.failed.insert(number, reason.to_owned());
            if staging.then == Then::Report && number != 0 {
                known.kept.remove(&number);
                remove_in_background(known.store.clone(), vec![number]);
            }
        }
        let message = format!("release {number} of \"{}\" did not start: {reason}", key.app);
        staging.asked.answer(self, Err(AdminError::new(Code::NotStaged, message)));
        self.leave_start_phase();
    }

    fn staged_report(
        &self,
        key: &ReleaseKey,
        number: u64,
        provisioned: Vec<String>,
        asked: &Asked,
    ) -> Reply {
        let known = self.app(&key.app)?;
        let kept = known.kept.get(&number);
        let deployed = self.releases.get(key);
        let empty = Catalog::default();
        let catalog = deployed.and_then(|d| d.published.as_ref()).map_or(&empty, |p| &p.catalog);
        let report = deployed.map(|deployed| deployed.report.clone()).unwrap_or_default();
        Ok(Answer::Staged(Staged {
            number,
            id: key.release.to_string(),
            functions: catalog.functions.iter().map(protocol::Function::signature).collect(),
            files: kept.map_or(0, |kept| kept.files),
            bytes: kept.map_or(0, |kept| kept.bytes),
            preloaded_files: report.preloaded_files,
            warnings: report.warnings,
            provisioned,
            changes: self.changes_to(&key.app, catalog),
            took_ms: u64::try_from(asked.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        }))
    }

    /// What callers of the current release would see of another one.
    pub(super) fn changes_to(&self, app: &AppName, next: &Catalog) -> Vec<Change> {
        let key = ReleaseKey { app: app.clone(), release: self.route_of(app).current };
        let current = self.releases.get(&key).and_then(|deployed| deployed.published.as_ref());
        let changes = current.map(|current| diff(&current.catalog, next)).unwrap_or_default();
        let told = changes.into_iter().map(|change| Change {
            breaking: change.breaks_callers(),
            function: change.function,
            text: change.text,
        });
        told.collect()
    }
}
