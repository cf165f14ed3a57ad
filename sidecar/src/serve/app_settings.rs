//! Settings of an application: what its releases say, and what was set beyond that without a deploy.
//!
//! A generation is a file for each running release, which never changes once it is there, and its
//! number in the scoreboards. A call that begins takes the number; its executor reads the file when
//! the function first asks. So a call never sees two generations, and one that nobody asks for costs
//! nothing.

use super::app::settings_on_the_wire;
use super::deployed::Deployed;
use super::store::{AppState, Share};
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Answer, ChangeSettings, Code, Reply, Settings};
use crate::config::settings;
use protocol::AppName;
use serde_json::Value;
use std::io;
use std::os::unix::fs::PermissionsExt;

/// Generations that requests may be pinned to.
const GENERATIONS_KEPT: u64 = 64;
/// Most settings of an application.
const SETTINGS_MAX: usize = 4096;

impl Supervisor {
    pub(super) fn settings_of(&self, app: &AppName) -> Reply {
        let known = self.app(app)?;
        let current = super::key::ReleaseKey { app: app.clone(), release: known.routing.current };
        let said = self.releases.get(&current).map(|d| &d.deployment.config.settings);
        let set = known.state.settings.clone();
        let (generation, settings) = (known.state.settings_generation, merged(said, &set));
        Ok(Answer::Settings(Settings { generation, settings, set }))
    }

    /// The state with the next generation, whose files are there when this returns: without them it is
    /// refused.
    pub(super) fn change_settings(
        &self,
        app: &AppName,
        body: &ChangeSettings,
    ) -> Result<AppState, AdminError> {
        let known = self.app(app)?;
        let before = known.state.settings_generation;
        let generation = body.generation.unwrap_or(before + 1);
        if generation <= before {
            let message = format!(
                "generation {generation} of the settings is not after {before}, which holds"
            );
            return Err(AdminError::new(Code::Conflict, message));
        }
        let mut state = AppState { settings_generation: generation, ..known.state.clone() };
        let bad = |message| AdminError::new(Code::BadRequest, message);
        let mut changes = settings::Settings::new();
        for (key, value) in &body.settings {
            settings::flatten(key.clone(), value.clone(), &mut changes).map_err(bad)?;
        }
        for (key, value) in changes {
            match value {
                // With what it is the beginning of: a table was set as such keys.
                Value::Null => state.settings.retain(|other, _| !settings::is_within(other, &key)),
                value => drop(state.settings.insert(key, value)),
            }
        }
        settings::check(&state.settings).map_err(|(_, message)| bad(message))?;
        if state.settings.len() > SETTINGS_MAX {
            let message = format!("an application has at most {SETTINGS_MAX} settings");
            return Err(AdminError::new(Code::BadRequest, message));
        }
        for deployed in self.releases.values().filter(|deployed| deployed.key.app == *app) {
            let said = &deployed.deployment.config.settings;
            fit(app, said, &state.settings)
                .map_err(|message| AdminError::new(Code::Conflict, message))?;
            write_generation(deployed, &state).map_err(super::stage::unavailable)?;
        }
        Ok(state)
    }

    /// The state with the settings, and the release on trial, of a worker that has a later generation
    /// of them.
    pub(super) fn adopted_state(
        &self,
        app: &AppName,
        settings: &Settings,
        canary: Option<Share>,
    ) -> Result<AppState, AdminError> {
        let state = self.app_or_remains(app)?.state.clone();
        if settings.generation <= state.settings_generation {
            return Ok(state);
        }
        let canary = canary.filter(|canary| canary.release != state.current);
        let (settings_generation, settings) = (settings.generation, settings.set.clone());
        Ok(AppState { settings_generation, settings, canary, ..state })
    }

    /// When this returns, every call that begins sees the settings of the application's state.
    pub(super) fn publish_settings(&mut self, app: &AppName) {
        let Some(known) = self.apps.get(app) else {
            return;
        };
        for deployed in self.releases.values().filter(|deployed| deployed.key.app == *app) {
            if let Err(error) = write_generation(deployed, &known.state) {
                tracing::error!(release = %deployed.key, %error, "its settings cannot be written");
            }
        }
        let Some(known) = self.apps.get_mut(app) else {
            return;
        };
        known.route();
        known.routing.generation += 1;
        let generation = known.routing.settings;
        for deployed in self.releases.values().filter(|deployed| deployed.key.app == *app) {
            deployed.pools.values().for_each(|pool| pool.scoreboard.set_settings(generation));
        }
        self.board.publish();
    }

    /// For a release whose pools are new.
    pub(super) fn give_settings(&self, deployed: &Deployed) -> io::Result<()> {
        let Some(known) = self.apps.get(&deployed.key.app) else {
            return Ok(());
        };
        write_generation(deployed, &known.state)?;
        let generation = settings_on_the_wire(known.state.settings_generation);
        deployed.pools.values().for_each(|pool| pool.scoreboard.set_settings(generation));
        Ok(())
    }
}

/// Whether what a release says and what was set can hold together.
fn fit(app: &AppName, said: &settings::Settings, set: &settings::Settings) -> Result<(), String> {
    let merged = merged(Some(said), set);
    settings::check(&merged).map_err(|(key, message)| {
        let begins = |other: &&String| settings::is_within(other, key);
        let taken: Vec<&str> = set.keys().filter(begins).map(String::as_str).collect();
        let taken = taken.join(" ");
        format!("{message}; `appserver config unset {app} {taken}` takes back what was set")
    })
}

fn merged(said: Option<&settings::Settings>, set: &settings::Settings) -> settings::Settings {
    let mut settings = said.cloned().unwrap_or_default();
    settings.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
    settings
}

/// Writes a generation for a release, and removes the one that nobody can be pinned to any more.
fn write_generation(deployed: &Deployed, state: &AppState) -> io::Result<()> {
    let said = &deployed.deployment.config.settings;
    fit(&deployed.key.app, said, &state.settings).map_err(io::Error::other)?;
    let folder = deployed.settings_dir();
    let name = |generation| folder.join(format!("{}.json", settings_on_the_wire(generation)));
    let settings = merged(Some(said), &state.settings);
    let beside = folder.join("new");
    std::fs::write(&beside, serde_json::to_vec(&settings)?)?;
    // The application's own user reads it.
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o644))?;
    std::fs::rename(&beside, name(state.settings_generation))?;
    let old = state.settings_generation.saturating_sub(GENERATIONS_KEPT);
    if old > 0 {
        let _ = std::fs::remove_file(name(old));
    }
    Ok(())
}
