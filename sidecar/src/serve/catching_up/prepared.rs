//! Releases that were prepared or on trial when the worker ended: their activation may still come.

use super::super::commit::After;
use super::super::event::Retry;
use super::super::staging::Then;
use super::super::store::Share;
use super::super::supervisor::Supervisor;
use super::takeover::{NEXT_TURN, own};
use protocol::AppName;
use std::time::Duration;

/// How long a preparation of before the start stays: a deployer asks again for half a minute.
const PREPARATION_STAYS: Duration = Duration::from_secs(60);

impl Supervisor {
    /// A release whose activation was about to come when the worker ended is started, so that it still
    /// can; after a while nobody comes for it any more.
    pub(in crate::serve) fn start_prepared(&mut self, name: &AppName) {
        let prepared = self.apps.get(name).and_then(|app| app.state.prepared);
        let Some(number) = prepared else {
            return;
        };
        self.retry_after(PREPARATION_STAYS, Retry::Unprepare(name.clone()));
        self.ask_members_later();
        let asked = own(name, "stage", Some(number), None);
        self.start_kept(name, number, Then::Report, asked);
    }

    /// A release that was on trial when the worker ended still is.
    pub(in crate::serve) fn start_on_trial(&mut self, name: &AppName) {
        let canary = self.apps.get(name).and_then(|app| app.state.canary);
        if let Some(Share { release: number, .. }) = canary {
            let asked = own(name, "stage", Some(number), None);
            self.start_kept(name, number, Then::Report, asked);
        }
    }

    pub(in crate::serve) fn forget_preparation(&mut self, name: &AppName) {
        if self.committing.contains(name) {
            return self.retry_after(NEXT_TURN, Retry::Unprepare(name.clone()));
        }
        let Some(app) = self.apps.get_mut(name).filter(|app| app.prepared_before) else {
            return;
        };
        app.prepared_before = false;
        let mut state = app.state.clone();
        let Some(release) = state.prepared.take() else {
            return;
        };
        tracing::info!(app = %name, release, "nobody came to activate what was prepared");
        self.commit(state, own(name, "abort", Some(release), None), After::Shared);
    }
}
