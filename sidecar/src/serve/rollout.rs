//! Which release calls go to, changed by whoever deploys: activate, roll back, canary, promote, abort.
//!
//! Each change is on disk before it is made in memory (see [`super::commit`]): a worker that dies in
//! between starts with the new release, of which nobody was told yet, and says so.

use super::app::unknown_release;
use super::asked::Asked;
use super::commit::After;
use super::deployed::ReleaseState;
use super::event::Retry;
use super::fault;
use super::key::ReleaseKey;
use super::staging::{Staging, Then};
use super::store::AppState;
use super::supervisor::Supervisor;
use super::swap::NotNow;
use crate::admin::{
    Abort, Activate, Activated, AdminError, Canary, CanaryShare, Change, Code, Promote, Rollback,
    in_places,
};
use protocol::{AppName, ReleaseId};
use std::time::Duration;

/// Until executors have passed the last retirement of a release that is to take over again.
const TRY_AGAIN: Duration = Duration::from_millis(1);
/// How often that is tried.
const TRIES_MAX: u32 = 5000;

impl Supervisor {
    /// Makes a release that runs the current one, then answers.
    pub(super) fn activate_release(&mut self, app: &AppName, body: Activate, asked: Asked) {
        self.try_activation(app.clone(), body, asked, 0);
    }

    pub(super) fn try_activation(
        &mut self,
        app: AppName,
        body: Activate,
        asked: Asked,
        tries: u32,
    ) {
        match self.activated_state(&app, &body) {
            Err(Stop::Busy) if tries < TRIES_MAX => {
                let retry = Retry::Activation { app, body, asked, tries: tries + 1 };
                self.retry_after(TRY_AGAIN, retry);
            }
            Err(Stop::Busy) => {
                let message = "executors of the release are still busy with its last retirement";
                asked.answer(self, Err(AdminError::new(Code::Unavailable, message)));
            }
            Err(Stop::Refused(error)) => asked.answer(self, Err(error)),
            Ok((state, answer)) => {
                self.commit(state, asked, After::Activated { answer });
            }
        }
    }

    /// The state in which a release is current that runs and may be, and what is to be told of it.
    fn activated_state(
        &mut self,
        app: &AppName,
        body: &Activate,
    ) -> Result<(AppState, Activated), Stop> {
        if self.committing.contains(app) {
            // A release that had to be started first may be ready in the middle of another change.
            return Err(Stop::Busy);
        }
        let release = self.may_activate(app, body)?;
        let key = ReleaseKey { app: app.clone(), release };
        self.can_take_over(&key).map_err(|not_now| stop(&key, not_now))?;
        let known = self.app(app)?;
        let before = known.state.current;
        let decided_at_ms = known.decided_at_ms(body.number);
        let mut state =
            AppState { current: body.number, decided_at_ms, prepared: None, ..known.state.clone() };
        // It was on trial against the release that is current no more.
        let canary = state.canary.take();
        if before != body.number {
            state.previous = known.release(before).is_some().then_some(before);
        }
        let answer = Activated {
            number: body.number,
            previous: state.previous,
            took_us: 0,
            changes: self.breaking_changes(&key),
            ended_canary: canary.filter(|canary| canary.release != body.number).map(Into::into),
        };
        fault::point("activate.save");
        Ok((state, answer))
    }

    fn may_activate(&self, app: &AppName, body: &Activate) -> Result<ReleaseId, AdminError> {
        if self.is_stopping() {
            return Err(AdminError::new(Code::Unavailable, "the worker is stopping"));
        }
        let known = self.app(app)?;
        let current = known.state.current;
        if let Some(expected) = body.expect_current.filter(|expected| *expected != current) {
            let message =
                format!("release {current} is current, not {expected}: another deploy came first");
            return Err(AdminError::new(Code::Conflict, message));
        }
        let number = body.number;
        let release = known.release(number).ok_or_else(|| unknown_release(app, number))?;
        let key = ReleaseKey { app: app.clone(), release };
        let runs = self.releases.get(&key).filter(|deployed| !deployed.stopping);
        let catalog = runs.and_then(|deployed| deployed.published.as_ref());
        if runs.is_some_and(|deployed| deployed.staging.is_some()) {
            let message = format!("release {number} of \"{app}\" is starting; try again");
            return Err(AdminError::new(Code::Unavailable, message));
        }
        if catalog.is_none() {
            let message = format!("release {number} of \"{app}\" does not run: stage it first");
            return Err(AdminError::new(Code::NotStaged, message));
        }
        // Back to the release before the current one goes always: its callers were there then.
        if !body.allow_breaking && known.state.previous != Some(number) {
            self.refuse_breaking(&key, number)?;
        }
        Ok(release)
    }

    fn refuse_breaking(&self, key: &ReleaseKey, number: u64) -> Result<(), AdminError> {
        let changes = self.breaking_changes(key);
        if changes.is_empty() {
            return Ok(());
        }
        let message = format!(
            "release {number} of \"{}\" breaks callers of the current one in {}; \
             --allow-breaking does it all the same",
            key.app,
            in_places(&changes)
        );
        Err(AdminError { changes, ..AdminError::new(Code::Breaking, message) })
    }

    /// What callers of the current release can break on in another one that runs.
    fn breaking_changes(&self, key: &ReleaseKey) -> Vec<Change> {
        let next = self.releases.get(key).and_then(|deployed| deployed.published.as_ref());
        let mut changes =
            next.map_or_else(Vec::new, |next| self.changes_to(&key.app, &next.catalog));
        changes.retain(|change| change.breaking);
        changes
    }

    /// Prepares a release; one that is kept and does not run any more is started first.
    pub(super) fn prepare_release(&mut self, app: &AppName, body: Activate, asked: Asked) {
        match self.deployment_of(app, body.number) {
            Ok(deployment) if !self.has_started(app, body.number) => {
                let (number, then) = (body.number, Then::Prepare(body));
                let staging = Staging { asked, number, then, provisioned: Vec::new() };
                self.start_release(app, number, deployment, staging);
            }
            _ => {
                let state = self.prepare(app, &body);
                self.commit_if(state, asked, After::Prepared);
            }
        }
    }

    fn has_started(&self, app: &AppName, number: u64) -> bool {
        let release = self.app(app).ok().and_then(|known| known.release(number));
        let key = release.map(|release| ReleaseKey { app: app.clone(), release });
        let deployed = key.and_then(|key| self.releases.get(&key));
        deployed.is_some_and(|deployed| deployed.published.is_some() && !deployed.stopping)
    }

    /// The first of two phases: what can be refused is refused now, and a worker that dies before the
    /// second asks the others how it ended.
    pub(super) fn prepare(
        &mut self,
        app: &AppName,
        body: &Activate,
    ) -> Result<AppState, AdminError> {
        let release = self.may_activate(app, body)?;
        let key = ReleaseKey { app: app.clone(), release };
        match self.can_take_over(&key) {
            Ok(()) | Err(NotNow::Busy) => {}
            Err(not_now) => return Err(refusal(&key, not_now)),
        }
        let known = self.app(app)?;
        // One of before this worker's last start does not stand in the way of another deploy.
        let other = known.state.prepared.filter(|_| !known.prepared_before);
        if let Some(other) = other.filter(|other| *other != body.number) {
            let message = format!(
                "release {other} of \"{app}\" is about to be activated by another deploy; \
                 `appserver abort` gives that up"
            );
            return Err(AdminError::new(Code::Conflict, message));
        }
        Ok(AppState { prepared: Some(body.number), ..known.state.clone() })
    }

    /// Goes back to the release before, or to any that is kept; one that does not run is started.
    pub(super) fn roll_back(&mut self, app: &AppName, body: &Rollback, asked: Asked) {
        match self.rollback_target(app, body) {
            Err(error) => asked.answer(self, Err(error)),
            Ok(number) => {
                let allow_breaking = body.allow_breaking;
                let body = Activate { number, allow_breaking, expect_current: None };
                let asked = Asked { release: Some(number), ..asked };
                if self.has_started(app, number) {
                    return self.activate_release(app, body, asked);
                }
                match self.deployment_of(app, number) {
                    Err(error) => asked.answer(self, Err(error)),
                    Ok(deployment) => {
                        let then = Then::Activate(body);
                        let staging = Staging { asked, number, then, provisioned: Vec::new() };
                        self.start_release(app, number, deployment, staging);
                    }
                }
            }
        }
    }

    fn rollback_target(&self, app: &AppName, body: &Rollback) -> Result<u64, AdminError> {
        let known = self.app(app)?;
        let number = body.to.or(known.state.previous).ok_or_else(|| {
            let message = format!("\"{app}\" has no release before the current one");
            AdminError::new(Code::UnknownRelease, message)
        })?;
        known.release(number).map(|_| number).ok_or_else(|| unknown_release(app, number))
    }

    /// Gives a release that runs a share of the requests.
    pub(super) fn set_canary(&self, app: &AppName, body: &Canary) -> Result<AppState, AdminError> {
        if !(0.01..=100.0).contains(&body.percent) {
            let message = format!("{} is no share: from 0.01 to 100 percent", body.percent);
            return Err(AdminError::new(Code::BadRequest, message));
        }
        let number = body.release;
        let allow_breaking = body.allow_breaking;
        let activate = Activate { number, allow_breaking, expect_current: None };
        self.may_activate(app, &activate)?;
        let known = self.app(app)?;
        if known.state.current == number {
            let message = format!("release {number} is current already");
            return Err(AdminError::new(Code::Conflict, message));
        }
        let share = CanaryShare { release: number, percent: body.percent };
        Ok(noticed(AppState { canary: Some(share.into()), ..known.state.clone() }))
    }

    /// The canary becomes current.
    pub(super) fn promote(&mut self, app: &AppName, body: &Promote, asked: Asked) {
        let canary = self.app(app).map(|known| known.state.canary);
        match canary {
            Err(error) => asked.answer(self, Err(error)),
            Ok(None) => {
                let message = format!("\"{app}\" has no canary: `appserver canary` sets one");
                asked.answer(self, Err(AdminError::new(Code::Conflict, message)));
            }
            Ok(Some(share)) => {
                let asked = Asked { release: Some(share.release), ..asked };
                let (number, allow_breaking) = (share.release, body.allow_breaking);
                let body = Activate { number, allow_breaking, expect_current: None };
                self.activate_release(app, body, asked);
            }
        }
    }

    /// The canary gets no more requests, and a preparation is forgotten.
    pub(super) fn abort(&self, app: &AppName, body: &Abort) -> Result<AppState, AdminError> {
        let mut state = self.app(app)?.state.clone();
        let Some(number) = body.prepared else {
            return Ok(noticed(AppState { canary: None, prepared: None, ..state }));
        };
        state.prepared = state.prepared.filter(|prepared| *prepared != number);
        Ok(state)
    }

    /// Makes what the state says hold for calls, and lets go of releases that nobody needs.
    pub(super) fn swap(&mut self, app: &AppName) {
        fault::point("activate.saved");
        let before = self.route_of(app);
        if let Some(known) = self.apps.get_mut(app) {
            known.route();
        }
        self.switch(app, before);
        fault::point("activate.swapped");
        self.retire_old(app);
    }
}

/// Callers on other hosts, who see no board, notice by the settings' generation that there is
/// something to ask for.
fn noticed(state: AppState) -> AppState {
    AppState { settings_generation: state.settings_generation + 1, ..state }
}

/// Why nothing was activated.
enum Stop {
    Busy,
    Refused(AdminError),
}

impl From<AdminError> for Stop {
    fn from(error: AdminError) -> Self {
        Self::Refused(error)
    }
}

fn stop(key: &ReleaseKey, not_now: NotNow) -> Stop {
    match not_now {
        NotNow::Busy => Stop::Busy,
        not_now => Stop::Refused(refusal(key, not_now)),
    }
}

fn refusal(key: &ReleaseKey, not_now: NotNow) -> AdminError {
    let why = match not_now {
        NotNow::Unknown => "is not here".to_owned(),
        NotNow::NotRunning(reason) => format!("does not run: {reason}"),
        NotNow::Busy => "is busy".to_owned(),
    };
    AdminError::new(Code::NotStaged, format!("release {key} {why}"))
}

/// As [`super::swap`] needs it.
pub(super) fn runs(state: &ReleaseState) -> Result<(), NotNow> {
    match state {
        ReleaseState::Running => Ok(()),
        ReleaseState::Starting => Err(NotNow::NotRunning("it is starting".to_owned())),
        ReleaseState::Failed(reason) => Err(NotNow::NotRunning(reason.clone())),
    }
}
