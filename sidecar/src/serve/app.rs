//! An application: where its calls go, and the releases that it has here.

use super::behind::Behind;
use super::key::ReleaseKey;
use super::store::{AppState, Kept, Share, Store};
use super::supervisor::Supervisor;
use crate::admin::{self, AdminError, CanaryShare, Code, ReleaseState};
use protocol::{AppName, Canary, ReleaseId, Routing};
use std::collections::BTreeMap;

/// A share of 1 percent.
const BASIS_POINTS: f64 = 100.0;

/// What is known of an application, whether something of it runs or not.
#[derive(Debug)]
pub(super) struct App {
    /// As clients are told.
    pub(super) routing: Routing,
    /// The release in a folder that the worker was told to serve, number 0.
    pub(super) folder: Option<ReleaseId>,
    /// As it is on disk.
    pub(super) state: AppState,
    /// By number.
    pub(super) kept: BTreeMap<u64, Kept>,
    /// What callers are told who miss a function.
    pub(super) notice: String,
    /// Why releases that are kept do not run, where they were to.
    pub(super) failed: BTreeMap<u64, String>,
    /// What other workers have and this one does not; until it has, calls of the application are
    /// refused.
    pub(super) behind: Option<Behind>,
    /// A preparation of before the last start: nobody may come for it any more.
    pub(super) prepared_before: bool,
    pub(super) store: Store,
}

impl App {
    pub(super) fn load(store: Store) -> std::io::Result<Self> {
        let (mut state, kept) = store.load()?;
        state.settings_generation = state.settings_generation.max(1);
        let mut app = Self {
            routing: Routing { generation: 1, ..Routing::default() },
            folder: None,
            prepared_before: state.prepared.is_some(),
            state,
            kept,
            notice: String::new(),
            failed: BTreeMap::new(),
            behind: None,
            store,
        };
        app.route();
        Ok(app)
    }

    /// The release with that number.
    pub(super) fn release(&self, number: u64) -> Option<ReleaseId> {
        match number {
            0 => self.folder,
            number => self.kept.get(&number).map(|kept| kept.release),
        }
    }

    /// Numbers that must stay: new calls, a rollback or a deploy under way need them.
    pub(super) fn needed(&self) -> impl Iterator<Item = u64> {
        let state = &self.state;
        let canary = state.canary.map(|canary| canary.release);
        [Some(state.current), state.previous, canary, state.prepared].into_iter().flatten()
    }

    /// What the state on disk means for clients.
    pub(super) fn route(&mut self) {
        let state = &self.state;
        let canary = state.canary.and_then(|Share { release: number, basis_points }| {
            let release = self.release(number)?;
            Some(Canary { release, number, basis_points })
        });
        // A release that others no longer have as theirs takes no calls.
        let current = self.release(state.current).filter(|_| self.refuses().is_none());
        self.routing = Routing {
            generation: self.routing.generation,
            current: current.unwrap_or_default(),
            number: state.current,
            settings: settings_on_the_wire(state.settings_generation),
            canary,
            notice: self.notice.clone(),
        };
    }

    /// Numbers of the releases with these files.
    pub(super) fn numbers_of(&self, release: ReleaseId) -> impl Iterator<Item = u64> {
        let all = self.kept.values().filter(move |kept| kept.release == release);
        let folder = self.folder.filter(|folder| *folder == release).map(|_| 0);
        folder.into_iter().chain(all.map(|kept| kept.number))
    }
}

/// A generation of settings in 16 bits, of which 0 means the current one.
pub(super) fn settings_on_the_wire(generation: u64) -> u16 {
    let within = generation.saturating_sub(1) % u64::from(u16::MAX) + 1;
    u16::try_from(within).unwrap_or(u16::MAX)
}

impl Supervisor {
    /// The application, or that there is none.
    pub(super) fn app_mut(&mut self, name: &AppName) -> Result<&mut App, AdminError> {
        self.apps.get_mut(name).filter(|app| !app.is_gone()).ok_or_else(|| unknown_app(name))
    }

    pub(super) fn app(&self, name: &AppName) -> Result<&App, AdminError> {
        self.app_or_remains(name).ok().filter(|app| !app.is_gone()).ok_or_else(|| unknown_app(name))
    }

    /// The same, also of one that was removed: it may come again.
    pub(super) fn app_or_remains(&self, name: &AppName) -> Result<&App, AdminError> {
        self.apps.get(name).ok_or_else(|| unknown_app(name))
    }

    /// As the control API tells of it.
    pub(super) fn app_report(&self, name: &AppName, app: &App) -> admin::App {
        let numbers = app.folder.map(|_| 0).into_iter().chain(app.kept.keys().copied());
        let mut releases: Vec<admin::Release> =
            numbers.map(|number| self.release_report(name, app, number)).collect();
        releases.reverse();
        admin::App {
            app: name.to_string(),
            current: app.state.current,
            previous: app.state.previous,
            canary: app.state.canary.map(CanaryShare::from),
            settings_generation: app.state.settings_generation,
            highest: app.state.highest,
            decided_at_ms: app.state.decided_at_ms,
            removed: app.is_gone(),
            behind: app.refuses().map(Behind::to_string),
            releases,
        }
    }

    fn release_report(&self, name: &AppName, app: &App, number: u64) -> admin::Release {
        let release = app.release(number).unwrap_or_default();
        let key = ReleaseKey { app: name.clone(), release };
        let deployed = self.releases.get(&key);
        let kept = app.kept.get(&number);
        let state = match deployed.map(|deployed| &deployed.state) {
            None if app.failed.contains_key(&number) => ReleaseState::Failed,
            None => ReleaseState::Kept,
            Some(super::deployed::ReleaseState::Failed(_)) => ReleaseState::Failed,
            Some(_) if app.state.current == number => ReleaseState::Current,
            Some(super::deployed::ReleaseState::Starting) => ReleaseState::Starting,
            Some(_) if app.state.canary.is_some_and(|c| c.release == number) => {
                ReleaseState::Canary
            }
            Some(_) if deployed.is_some_and(|d| d.drains_until.is_some()) => ReleaseState::Draining,
            Some(_) => ReleaseState::Staged,
        };
        let reason = match deployed.map(|deployed| &deployed.state) {
            Some(super::deployed::ReleaseState::Failed(reason)) => Some(reason.clone()),
            _ => app.failed.get(&number).cloned(),
        };
        let functions =
            deployed.and_then(|d| d.published.as_ref()).map(|p| p.catalog.functions.len());
        let pools = deployed.into_iter().flat_map(|deployed| deployed.pools.values());
        admin::Release {
            number,
            id: release.to_string(),
            state,
            reason,
            signed_at_ms: kept.map_or(0, |kept| kept.signed_at_ms),
            deployer: kept.map_or(String::new(), |kept| kept.deployer.clone()),
            note: kept.map_or(String::new(), |kept| kept.note.clone()),
            functions: functions.unwrap_or_default(),
            running: pools.map(super::pool::Pool::running).sum(),
        }
    }
}

impl From<Share> for CanaryShare {
    fn from(share: Share) -> Self {
        Self { release: share.release, percent: f64::from(share.basis_points) / BASIS_POINTS }
    }
}

impl From<CanaryShare> for Share {
    fn from(CanaryShare { release, percent }: CanaryShare) -> Self {
        // At most 10,000: a share is at most 100 percent.
        Self { release, basis_points: (percent.clamp(0.0, 100.0) * BASIS_POINTS).round() as u16 }
    }
}

pub(super) fn unknown_app(name: &AppName) -> AdminError {
    AdminError::new(Code::UnknownApp, format!("there is no application \"{name}\" on this worker"))
}

/// That a release is not here.
pub(super) fn unknown_release(name: &AppName, number: u64) -> AdminError {
    let message = format!(
        "release {number} of \"{name}\" is not here; `appserver releases` lists those that are"
    );
    AdminError::new(Code::UnknownRelease, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_of_settings_are_never_0_on_the_wire() {
        assert_eq!(settings_on_the_wire(1), 1);
        assert_eq!(settings_on_the_wire(65_535), 65_535);
        assert_eq!(settings_on_the_wire(65_536), 1);
    }
}
