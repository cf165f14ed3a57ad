//! Catching up: a worker that was away asks the others what was decided meanwhile, and takes it over
//! before it serves. What no other worker says otherwise is served as it is here.
//!
//! An application that is known to be behind takes no calls: their callers go to a worker that is not.
//! Where this is only found out while it serves, because nobody answered before, that holds from the
//! first attempt that fails.

mod errand;
mod prepared;
mod removal;
mod takeover;

use super::app::App;
use super::behind::Behind;
use super::event::{Event, Retry};
use super::members::{Told, about};
use super::store::Store;
use super::supervisor::{Phase, Supervisor};
use errand::Errand;
use protocol::AppName;
use removal::removed_elsewhere;
use std::collections::BTreeSet;
use std::time::Duration;

/// From one question to the next, while there is something to be learned; longer after failures.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How often that doubles.
const DOUBLINGS_MAX: u32 = 4;
/// Longest time by which catching up delays the start of everything else.
const HOLD_START: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Asks the others, unless that has been arranged already.
    fn ask_members_later(&mut self) {
        let apps = self.apps.values();
        let failures = apps.filter_map(|app| Some(app.behind.as_ref()?.failures)).max();
        let waits = failures.is_some() || self.apps.values().any(|app| app.prepared_before);
        let nothing_new = self.members_answered && !waits;
        if self.asking || nothing_new || self.settings.members.is_empty() || self.is_stopping() {
            return;
        }
        self.asking = true;
        let doublings = failures.unwrap_or(0).min(DOUBLINGS_MAX);
        self.retry_after(ASK_AGAIN * 2_u32.pow(doublings), Retry::AskMembers);
    }

    pub(super) fn ask_members(&self) {
        let (events, members) = (self.events.clone(), self.settings.members.clone());
        tokio::spawn(async move {
            let told = members.ask().await;
            // The supervisor is gone only when the worker ends.
            let _ = events.send(Event::Told(told)).await;
        });
    }

    /// What the others have: whatever is missing here is fetched.
    pub(super) fn on_told(&mut self, told: &[Told]) {
        self.asking = false;
        let answered = told.iter().any(|told| told.apps.is_ok());
        if !answered && !told.is_empty() && self.phase == Phase::Starting {
            warn_of_silence(told);
        }
        self.members_answered |= answered;
        let theirs = told.iter().filter_map(|told| told.apps.as_ref().ok()).flatten();
        let theirs = theirs.filter_map(|app| AppName::new(&app.app).ok());
        let names: BTreeSet<AppName> = self.apps.keys().cloned().chain(theirs).collect();
        if !self.is_stopping() {
            names.iter().for_each(|name| self.compare(name, told));
        }
        self.ask_members_later();
    }

    fn compare(&mut self, name: &AppName, told: &[Told]) {
        let loaded;
        let app = match self.apps.get(name) {
            Some(app) if app.behind.as_ref().is_some_and(|behind| behind.under_way) => return,
            Some(app) => app,
            None => match self.load(name) {
                Some(app) => {
                    loaded = app;
                    &loaded
                }
                None => return,
            },
        };
        if let Some(at_ms) = removed_elsewhere(app, name, told) {
            return self.follow_removal(name, at_ms);
        }
        let found = Behind::find(app, about(told, name.as_str()));
        // What was missing may be no longer what the others have.
        let nothing_more = |behind| Behind { release: None, settings: None, ..behind };
        if let Some(behind) = found.or_else(|| app.behind.clone().map(nothing_more)) {
            self.catch_up(name, behind);
        }
    }

    /// An application that only others had so far.
    fn load(&self, name: &AppName) -> Option<App> {
        App::load(Store::new(&self.settings.state_dir, name))
            .inspect_err(|error| tracing::error!(app = %name, %error, "its state is unusable"))
            .ok()
    }

    /// Makes an attempt to get what is missing.
    fn catch_up(&mut self, name: &AppName, mut behind: Behind) {
        if !self.apps.contains_key(name) {
            let Some(app) = self.load(name) else {
                return;
            };
            self.apps.insert(name.clone(), app);
        }
        behind.under_way = true;
        if self.phase == Phase::Starting {
            (behind.refuses, behind.holds_start) = (true, true);
        }
        let Some(errand) = self.errand(name, &behind) else {
            return;
        };
        let Some(app) = self.apps.get_mut(name) else {
            return;
        };
        if behind.failures == 0 {
            tracing::info!(app = %name, current = app.state.current, "{behind}");
        }
        let holds_start = behind.holds_start;
        app.behind = Some(behind);
        app.route();
        tokio::spawn(errand.run());
        if holds_start {
            self.retry_after(HOLD_START, Retry::StartHeld(name.clone()));
        }
    }

    fn errand(&self, name: &AppName, behind: &Behind) -> Option<Errand> {
        let app = self.apps.get(name)?;
        let number = behind.release.as_ref().map_or(app.state.current, |missed| missed.number);
        let canary = behind.settings.as_ref().and_then(|later| later.canary);
        Some(Errand {
            app: name.clone(),
            number,
            is_here: app.release(number).is_some(),
            has_canary: canary.is_some_and(|canary| app.release(canary.release).is_some()),
            release: behind.release.clone(),
            settings: behind.settings.clone(),
            folder: self.settings.state_dir.join("incoming"),
            archive_bytes_max: self.settings.daemon.control.archive_bytes_max,
            events: self.events.clone(),
        })
    }

    /// The end of an attempt.
    pub(super) fn on_caught_up(&mut self, name: &AppName, result: Result<(), String>) {
        match result {
            Ok(()) => {
                if let Some(app) = self.apps.get_mut(name) {
                    app.behind = None;
                    app.route();
                    let release = app.state.current;
                    tracing::info!(app = %name, release, "has caught up with the other workers");
                }
                // Something may have been decided in between.
                self.members_answered = false;
            }
            Err(reason) => self.on_still_behind(name, reason),
        }
        self.leave_start_phase();
        self.ask_members_later();
    }

    fn on_still_behind(&mut self, name: &AppName, reason: String) {
        let before = self.route_of(name);
        let Some(app) = self.apps.get_mut(name) else {
            return;
        };
        let Some(behind) = &mut app.behind else {
            // A deploy came in between.
            return;
        };
        let stands_down = !behind.refuses;
        behind.reason = Some(reason);
        behind.failures += 1;
        (behind.refuses, behind.holds_start, behind.under_way) = (true, false, false);
        tracing::error!(app = %name, "takes no calls: {behind}");
        app.route();
        if stands_down {
            self.switch(name, before);
        }
    }

    /// Everything else begins to serve; the application follows when it can.
    pub(super) fn on_start_held(&mut self, name: &AppName) {
        if let Some(behind) = self.apps.get_mut(name).and_then(|app| app.behind.as_mut()) {
            behind.holds_start = false;
        }
        self.leave_start_phase();
    }
}

fn warn_of_silence(told: &[Told]) {
    let reasons = told.iter().filter_map(|told| {
        Some(format!("{}: {}", told.client.worker(), told.apps.as_ref().err()?))
    });
    let reasons = reasons.collect::<Vec<_>>().join("; ");
    tracing::warn!("no other worker says what is current; what is here is served: {reasons}");
}
