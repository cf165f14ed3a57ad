//! Removing an application: its releases stop as their calls end, their files and its settings go. What
//! stays is a note of when that was decided, so that no worker that was away brings it back, and the
//! highest number that was accepted, so that nobody can send an old release again.

use super::app::App;
use super::asked::Asked;
use super::audit::now_ms;
use super::commit::After;
use super::deployed::Deployed;
use super::key::ReleaseKey;
use super::store::{AppState, Store};
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Code, Remove};
use protocol::AppName;

impl App {
    /// Whether it was removed, and nothing of it has come since.
    pub(super) fn is_gone(&self) -> bool {
        self.state.removed_up_to.is_some() && self.kept.is_empty() && self.folder.is_none()
    }
}

impl Supervisor {
    /// The state of an application that is no more.
    pub(super) fn removed_state(
        &self,
        app: &AppName,
        body: &Remove,
    ) -> Result<AppState, AdminError> {
        let known = self.app(app)?;
        let refused = |message: String| Err(AdminError::new(Code::Conflict, message));
        if known.folder.is_some() || self.dev.as_ref().is_some_and(|dev| dev.is_of(app)) {
            let message = "is served from a folder: take it out of the worker's configuration or \
                           --app";
            return refused(format!("\"{app}\" {message}"));
        }
        let mut of_app = self.releases.values().filter(|deployed| deployed.key.app == *app);
        if self.staging.contains(app) || of_app.any(|deployed| deployed.staging.is_some()) {
            return refused(format!("a release of \"{app}\" is being staged; try again after it"));
        }
        let number = known.state.current;
        if known.release(number).is_some() && !body.force {
            return refused(format!(
                "release {number} of \"{app}\" takes calls, which would fail; --force removes it all \
                 the same"
            ));
        }
        Ok(known.state.removed_at(now_ms().max(known.state.decided_at_ms + 1)))
    }

    /// The application is removed, as another worker decided.
    pub(super) fn remove_as_others(&mut self, asked: Asked, at_ms: u64) {
        let Some(known) = self.apps.get_mut(&asked.app) else {
            return;
        };
        // At once, because the worker may be about to start what it had.
        let state = known.state.removed_at(at_ms);
        known.state = state.clone();
        known.kept.clear();
        self.commit(state, asked, After::Removed);
    }

    /// No call begins in it any more, and what runs of it ends.
    pub(super) fn end_removed(&mut self, app: &AppName) {
        let before = self.route_of(app);
        let Some(known) = self.apps.get_mut(app) else {
            return;
        };
        known.kept.clear();
        known.failed.clear();
        (known.behind, known.prepared_before) = (None, false);
        known.route();
        self.switch(app, before);
        let keys: Vec<ReleaseKey> =
            self.releases.keys().filter(|key| key.app == *app).cloned().collect();
        for key in &keys {
            if !self.release_stops(key) {
                self.let_go(key);
            }
        }
        self.clear_removed(app);
    }

    /// Removes the files of an application that is gone, when nothing runs from them any more.
    pub(super) fn clear_removed(&self, app: &AppName) {
        let Some(known) = self.apps.get(app) else {
            return;
        };
        let mut of_app =
            self.releases.values().filter(|deployed: &&Deployed| deployed.key.app == *app);
        if let (Some(number), None) = (known.state.removed_up_to, of_app.next()) {
            clear_in_background(known.store.clone(), number);
        }
    }
}

impl AppState {
    fn removed_at(&self, decided_at_ms: u64) -> Self {
        Self {
            decided_at_ms,
            removed_up_to: Some(self.highest),
            highest: self.highest,
            highest_content: self.highest_content.clone(),
            // Later than any of before, which must not be taken for newer than what comes.
            settings_generation: self.settings_generation + 1,
            ..Self::default()
        }
    }
}

fn clear_in_background(store: Store, up_to: u64) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = store.forget_up_to(up_to) {
            tracing::warn!(%error, "files of an application that was removed stay until the next start");
        }
    });
}
