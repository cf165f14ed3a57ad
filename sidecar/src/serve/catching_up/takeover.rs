//! What was missed takes hold here: the same way as if it had been asked for on this worker.

use super::super::asked::Asked;
use super::super::commit::After;
use super::super::event::Retry;
use super::super::staging::{Staging, Then};
use super::super::supervisor::Supervisor;
use crate::admin::{Reply, Settings};
use protocol::AppName;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// From one look whether it is this change's turn to the next.
pub(super) const NEXT_TURN: Duration = Duration::from_millis(2);

impl Supervisor {
    /// Settings of another worker hold here, too.
    pub(in crate::serve) fn adopt_settings(
        &mut self,
        app: AppName,
        settings: Settings,
        reply: oneshot::Sender<Reply>,
    ) {
        if self.committing.contains(&app) {
            return self.retry_after(NEXT_TURN, Retry::Adopt { app, settings, reply });
        }
        let asked = own(&app, "settings", None, Some(reply));
        let state = self.adopted_state(&app, &settings, None);
        self.commit_if(state, asked, After::Shared);
    }

    /// The release is here, or its archive is: it takes over, or is on trial.
    pub(in crate::serve) fn take_over(
        &mut self,
        app: AppName,
        number: u64,
        archive: Option<PathBuf>,
        then: Then,
        reply: oneshot::Sender<Reply>,
    ) {
        if self.committing.contains(&app) {
            let retry = Retry::TakeOver { app, number, archive, then, reply };
            return self.retry_after(NEXT_TURN, retry);
        }
        let asked = own(&app, "catch up", Some(number), Some(reply));
        match archive {
            Some(archive) => self.stage(&app, number, archive, then, asked),
            None => self.start_kept(&app, number, then, asked),
        }
    }

    /// Starts a release whose files are here.
    pub(super) fn start_kept(&mut self, app: &AppName, number: u64, then: Then, asked: Asked) {
        match self.deployment_of(app, number) {
            Err(error) => asked.answer(self, Err(error)),
            Ok(deployment) => {
                let staging = Staging { asked, number, then, provisioned: Vec::new() };
                self.start_release(app, number, deployment, staging);
            }
        }
    }
}

/// What the worker does of its own accord, for the audit log.
pub(super) fn own(
    app: &AppName,
    action: &'static str,
    release: Option<u64>,
    reply: Option<oneshot::Sender<Reply>>,
) -> Asked {
    Asked {
        by: "worker".to_owned(),
        app: app.clone(),
        action,
        release,
        detail: String::new(),
        since: Instant::now(),
        on_record: true,
        reply,
    }
}
