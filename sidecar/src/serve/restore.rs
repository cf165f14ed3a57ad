//! What the worker served before it was restarted, and what it was told to serve: noted, then started.

use super::Error;
use super::app::App;
use super::deployed::{Deployed, ReleaseState};
use super::integrity;
use super::key::ReleaseKey;
use super::provision::provision;
use super::store::Store;
use super::supervisor::Supervisor;
use crate::config::Deployment;
use protocol::AppName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The applications of a state folder.
pub(super) type Stored = BTreeMap<AppName, App>;

/// Reads what is kept of each application; what was half done is removed.
pub(super) fn recover(state_dir: &Path) -> Result<Stored, Error> {
    let names = Store::applications(state_dir)
        .map_err(|error| Error::start(state_dir.join("apps").display(), error))?;
    names.into_iter().map(|name| Ok((name.clone(), load(state_dir, &name)?))).collect()
}

fn load(state_dir: &Path, name: &AppName) -> Result<App, Error> {
    App::load(Store::new(state_dir, name)).map_err(|error| {
        let advice = "without it the application has to be deployed again";
        Error::start(format!("the state of \"{name}\""), format!("{error}; {advice}"))
    })
}

impl Supervisor {
    /// Notes what is to be served, and starts it; of applications that are behind the others' nothing
    /// runs until they have caught up.
    pub(super) async fn restore(
        &mut self,
        deployments: Vec<Deployment>,
        watched: &[PathBuf],
        mut stored: Stored,
    ) -> Result<(), Error> {
        for deployment in deployments {
            let is_it =
                |folder: &PathBuf| folder.canonicalize().is_ok_and(|f| f == deployment.root);
            match watched.iter().any(is_it) {
                true => self.develop(deployment)?,
                false => self.add_folder(deployment, &mut stored)?,
            }
        }
        self.add_deployed(stored)?;
        let told = self.settings.members.ask().await;
        self.on_told(&told);
        self.start_current().await;
        if self.releases.is_empty() && self.apps.values().all(App::is_gone) && self.dev.is_none() {
            tracing::warn!(
                "there is no application yet: deploy one, or name its folder with --app"
            );
        }
        self.leave_start_phase();
        Ok(())
    }

    /// Notes a folder that is to be served, as release 0 of its application.
    fn add_folder(&mut self, deployment: Deployment, stored: &mut Stored) -> Result<(), Error> {
        let content = archive::identify(&deployment.root)
            .map_err(|error| Error::start(deployment.root.display(), error))?;
        let name = deployment.config.name.clone();
        let mut app = match stored.remove(&name) {
            Some(app) => app,
            None => load(&self.settings.state_dir, &name)?,
        };
        app.folder = Some(content.release());
        app.route();
        self.apps.insert(name.clone(), app);
        self.folders.insert(name, deployment);
        Ok(())
    }

    /// Notes the applications that were deployed.
    fn add_deployed(&mut self, stored: Stored) -> Result<(), Error> {
        // Whoever edits wants to see what is edited.
        if self.dev.is_none() {
            self.apps.extend(stored);
        }
        let state_dir = self.settings.state_dir.clone();
        self.mend_releases(&state_dir)
    }

    /// After a restart of the machine: releases whose files were lost are unpacked again.
    fn mend_releases(&mut self, state_dir: &Path) -> Result<(), Error> {
        if self.apps.values().all(|app| app.kept.is_empty()) {
            return Ok(());
        }
        let same = integrity::is_same_boot(state_dir);
        if same.map_err(|error| Error::start(state_dir.display(), error))? {
            return Ok(());
        }
        let trusted = Arc::clone(&self.settings.trusted);
        for (name, app) in &mut self.apps {
            for kept in app.kept.values() {
                if let Err(error) = integrity::mend(&app.store, name, kept, &trusted) {
                    tracing::error!(app = %name, release = kept.number, "its files are lost: {error}");
                    app.failed.insert(kept.number, error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Starts the current release of every application, but of those that are behind.
    async fn start_current(&mut self) {
        let current = self.apps.iter().filter(|(_, app)| app.behind.is_none());
        for name in current.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.start_app(&name).await;
            self.start_prepared(&name);
            self.start_on_trial(&name);
        }
    }

    async fn start_app(&mut self, name: &AppName) {
        let Some(app) = self.apps.get(name) else {
            return;
        };
        let number = app.state.current;
        let Some(release) = app.release(number) else {
            // Nothing was ever activated.
            return;
        };
        let key = ReleaseKey { app: name.clone(), release };
        match self.deployment_of(name, number) {
            Ok(deployment) => {
                if number != 0 {
                    tracing::info!(app = %name, release = number, id = %release,
                        instead_of_folder = app.folder.is_some(), "deployed release");
                }
                // Those that were deployed have been through this.
                let prepared = match number {
                    0 => provision(&key, &deployment, &self.settings).await.map(drop),
                    _ => Ok(()),
                };
                let deployed = Deployed::new(key.clone(), deployment, &self.settings);
                self.releases.insert(key.clone(), deployed);
                match prepared {
                    Ok(()) => self.start_prototype(&key),
                    // Not tried again: what a step left halfway is for a person to look at.
                    Err(error) => self.fail(&key, error.to_string()),
                }
            }
            Err(error) => {
                tracing::error!(app = %name, release = number, "cannot be served: {error}")
            }
        }
    }

    /// One broken application does not keep the others from serving; none at all is an error.
    pub(super) fn require_one_running(&self) -> Result<(), Error> {
        let reasons: Vec<String> = self
            .releases
            .values()
            .filter_map(|deployed| match &deployed.state {
                ReleaseState::Failed(reason) => Some(format!("{}: {reason}", deployed.key.app)),
                ReleaseState::Starting | ReleaseState::Running => None,
            })
            .collect();
        if !reasons.is_empty() && reasons.len() == self.releases.len() {
            self.kill_prototypes();
            return Err(Error::Applications(reasons.join("; ")));
        }
        for reason in reasons {
            tracing::error!("application did not start: {reason}");
        }
        Ok(())
    }
}
