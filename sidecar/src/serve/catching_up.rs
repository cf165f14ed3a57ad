//! Catching up: a worker that was away asks the others what was decided meanwhile, and takes it over
//! before it serves. What no other worker says otherwise is served as it is here.
//!
//! An application that is known to be behind takes no calls: their callers go to a worker that is not.
//! Where this is only found out while it serves, because nobody answered before, that holds from the
//! first attempt that fails.

use super::app::App;
use super::asked::Asked;
use super::behind::{Behind, Decision, Generation};
use super::commit::After;
use super::event::{Event, Events, Retry};
use super::members::{Told, about};
use super::stage::{Staging, Then};
use super::supervisor::{Phase, Supervisor};
use crate::admin::{Activate, Reply, Settings};
use protocol::AppName;
use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// From one question to the next, while there is something to be learned; longer after failures.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How often that doubles.
const DOUBLINGS_MAX: u32 = 4;
/// Longest time by which catching up delays the start of everything else.
const HOLD_START: Duration = Duration::from_secs(30);
/// From one look whether it is this change's turn to the next.
const NEXT_TURN: Duration = Duration::from_millis(2);
/// How long a preparation of before the start stays: a deployer asks again for half a minute.
const PREPARATION_STAYS: Duration = Duration::from_secs(60);

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
            let reasons = told.iter().filter_map(|told| {
                Some(format!("{}: {}", told.client.worker(), told.apps.as_ref().err()?))
            });
            let reasons = reasons.collect::<Vec<_>>().join("; ");
            tracing::warn!(
                "no other worker says what is current; what is here is served: {reasons}"
            );
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
            None => match App::load(&self.settings.state_dir, name) {
                Ok(app) => {
                    loaded = app;
                    &loaded
                }
                Err(error) => return tracing::error!(app = %name, %error, "its state is unusable"),
            },
        };
        match Behind::find(app, about(told, name.as_str())) {
            Some(behind) => self.catch_up(name, behind),
            // What was missing is no longer what the others have.
            None => {
                if let Some(behind) = app.behind.clone() {
                    self.catch_up(name, Behind { release: None, settings: None, ..behind });
                }
            }
        }
    }

    /// Makes an attempt to get what is missing.
    fn catch_up(&mut self, name: &AppName, mut behind: Behind) {
        if !self.apps.contains_key(name) {
            match App::load(&self.settings.state_dir, name) {
                Ok(app) => drop(self.apps.insert(name.clone(), app)),
                Err(error) => return tracing::error!(app = %name, %error, "its state is unusable"),
            }
        }
        let Some(app) = self.apps.get_mut(name) else {
            return;
        };
        behind.under_way = true;
        if self.phase == Phase::Starting {
            (behind.refuses, behind.holds_start) = (true, true);
        }
        let number = behind.release.as_ref().map_or(app.state.current, |missed| missed.number);
        let errand = Errand {
            app: name.clone(),
            number,
            is_here: app.release(number).is_some(),
            release: behind.release.clone(),
            settings: behind.settings.clone(),
            folder: self.settings.state_dir.join("incoming"),
            archive_bytes_max: self.settings.daemon.control.archive_bytes_max,
            events: self.events.clone(),
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

    /// Settings of another worker hold here, too.
    pub(super) fn adopt_settings(
        &mut self,
        app: AppName,
        settings: Settings,
        reply: oneshot::Sender<Reply>,
    ) {
        if self.committing.contains(&app) {
            return self.retry_after(NEXT_TURN, Retry::Adopt { app, settings, reply });
        }
        let asked = own(&app, "settings", None, Some(reply));
        let state = self.adopted_settings(&app, settings);
        self.commit_if(state, asked, After::Settings);
    }

    /// The release is here, or its archive is: it takes over.
    pub(super) fn take_over(
        &mut self,
        app: AppName,
        number: u64,
        archive: Option<PathBuf>,
        reply: oneshot::Sender<Reply>,
    ) {
        if self.committing.contains(&app) {
            return self.retry_after(NEXT_TURN, Retry::TakeOver { app, number, archive, reply });
        }
        let asked = own(&app, "catch up", Some(number), Some(reply));
        let then = Then::Activate(Activate { number, allow_breaking: true, expect_current: None });
        match archive {
            Some(archive) => self.stage(&app, number, archive, then, asked),
            None => self.start_kept(&app, number, then, asked),
        }
    }

    fn start_kept(&mut self, app: &AppName, number: u64, then: Then, asked: Asked) {
        match self.deployment_of(app, number) {
            Err(error) => asked.answer(self, Err(error)),
            Ok(deployment) => {
                let staging = Staging { asked, number, then, provisioned: Vec::new() };
                self.start_release(app, number, deployment, staging);
            }
        }
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

    /// A release whose activation was about to come when the worker ended is started, so that it still
    /// can; after a while nobody comes for it any more.
    pub(super) fn start_prepared(&mut self, name: &AppName) {
        let prepared = self.apps.get(name).and_then(|app| app.state.prepared);
        let Some(number) = prepared else {
            return;
        };
        self.retry_after(PREPARATION_STAYS, Retry::Unprepare(name.clone()));
        self.ask_members_later();
        let asked = own(name, "stage", Some(number), None);
        self.start_kept(name, number, Then::Report, asked);
    }

    pub(super) fn forget_preparation(&mut self, name: &AppName) {
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

/// What the worker does of its own accord, for the audit log.
fn own(
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

/// What is to be fetched, and handed to the supervisor.
struct Errand {
    app: AppName,
    /// The release that is to be current in the end.
    number: u64,
    is_here: bool,
    release: Option<Decision>,
    settings: Option<Generation>,
    folder: PathBuf,
    archive_bytes_max: u64,
    events: Events,
}

impl Errand {
    async fn run(self) {
        let (app, events) = (self.app.clone(), self.events.clone());
        let result = self.bring().await;
        // The supervisor is gone only when the worker ends.
        let _ = events.send(Event::CaughtUp { app, result }).await;
    }

    async fn bring(self) -> Result<(), String> {
        if let Some(Generation { client, .. }) = &self.settings {
            let path = format!("/v1/apps/{}/settings", self.app);
            let settings: Settings =
                client.get(path).await.map_err(|f| format!("{}: {f}", client.worker()))?;
            let (reply, answer) = oneshot::channel();
            let app = self.app.clone();
            self.hand_over(Event::Retry(Retry::Adopt { app, settings, reply }), answer).await?;
        }
        let archive = match &self.release {
            Some(decision) if !self.is_here => Some(self.fetch(decision).await?),
            _ if !self.is_here => return Ok(()),
            _ => None,
        };
        let (reply, answer) = oneshot::channel();
        let (app, number) = (self.app.clone(), self.number);
        self.hand_over(Event::Retry(Retry::TakeOver { app, number, archive, reply }), answer).await
    }

    async fn fetch(&self, decision: &Decision) -> Result<PathBuf, String> {
        let unkept = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(unkept)?;
        let file = self.folder.join(format!("{}-{}", self.app, decision.number));
        // Of an earlier attempt.
        let _ = std::fs::remove_file(&file);
        let path = format!("/v1/apps/{}/releases/{}/archive", self.app, decision.number);
        let client = &decision.client;
        match client.download(path, &file, self.archive_bytes_max).await {
            Ok(()) => Ok(file),
            Err(failure) => {
                let _ = std::fs::remove_file(&file);
                Err(format!("{}: {failure}", client.worker()))
            }
        }
    }

    async fn hand_over(
        &self,
        event: Event,
        answer: oneshot::Receiver<Reply>,
    ) -> Result<(), String> {
        let ends = || "the worker ends".to_owned();
        self.events.send(event).await.map_err(|_| ends())?;
        answer.await.map_err(|_| ends())?.map(drop).map_err(|error| error.message)
    }
}
