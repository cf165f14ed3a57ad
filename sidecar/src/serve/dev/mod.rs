//! `appserver dev`: a folder that is being edited, served as a new release after each change.
//!
//! A [`watcher`] leaves snapshots in a store beside the worker's temporary files, where they go with
//! them. Each becomes current as a release that was deployed does, once its executors are ready; one
//! that does not load changes nothing but what callers are told who miss a function. One is started at
//! a time: a newer snapshot ends one that still starts, and otherwise waits.

mod terminal;
mod watch;
mod watcher;

pub(super) use watcher::Taken;

use super::app::App;
use super::asked::Asked;
use super::deployed::ReleaseState;
use super::event::{Event, Retry};
use super::key::ReleaseKey;
use super::staging::{Staging, Then};
use super::store::Store;
use super::supervisor::{Phase, Supervisor};
use super::{Error, directories};
use crate::admin::{Activate, AdminError, Code, Prune, Reply};
use crate::config::Deployment;
use protocol::{AppName, Catalog, diff};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use terminal::Terminal;
use tokio::sync::oneshot;
use watcher::Watcher;

/// In the worker's temporary folder.
const FOLDER: &str = "dev";
/// Until a release with the same files, whose processes are ending, may have ended.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// Newest snapshots that stay on disk beside those that run or ran last.
const KEEP: usize = 1;
/// Longest notice for callers, in bytes.
const NOTICE_BYTES_MAX: usize = 2000;
/// Differences that are told after a change.
const CHANGES_MAX: usize = 20;

/// The folder, and how far its last change has come.
#[derive(Debug)]
pub(super) struct Dev {
    app: AppName,
    folder: PathBuf,
    /// The snapshot that is being started.
    under_way: Option<Taken>,
    /// The one that comes after it.
    waiting: Option<Taken>,
    /// Whether any was started to its end, good or bad.
    settled: bool,
    /// Of the release that loaded last.
    catalog: Option<Catalog>,
    terminal: Terminal,
    _watcher: Watcher,
}

/// Removes the snapshots of an earlier worker, or of this one at its end.
pub(super) fn remove_snapshots(temp: &Path) -> io::Result<()> {
    super::store::remove(&temp.join(FOLDER))
}

impl Dev {
    /// Whether the application is that of the folder.
    pub(super) fn is_of(&self, app: &AppName) -> bool {
        self.app == *app
    }

    /// Whether it is known if the folder's first state loads.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// What `announce` says of it.
    pub(super) fn line(&self) -> String {
        format!("appserver: {} is watched for changes; Ctrl-C ends this", self.folder.display())
    }
}

impl Supervisor {
    /// Begins to serve a folder that is being edited.
    pub(super) fn develop(&mut self, deployment: Deployment) -> Result<(), Error> {
        let (folder, app) = (deployment.root, deployment.config.name);
        let home = self.settings.temp_dir.join(FOLDER);
        let failed = |error| Error::start(home.display(), error);
        directories::make_passage(&home).map_err(failed)?;
        let known = App::load(Store::passing(&home, &app)).map_err(failed)?;
        let watcher = Watcher::start(folder.clone(), known.store.clone(), self.events.clone())?;
        self.apps.insert(app.clone(), known);
        self.dev = Some(Dev {
            app,
            folder,
            under_way: None,
            waiting: None,
            settled: false,
            catalog: None,
            terminal: Terminal::new(),
            _watcher: watcher,
        });
        Ok(())
    }

    /// The folder has changed, or cannot be read.
    pub(super) fn on_folder_changed(&mut self, news: Result<Taken, String>) {
        let taken = match news {
            Ok(taken) => taken,
            Err(reason) => return self.snapshot_failed(&reason),
        };
        let Some(dev) = &mut self.dev else {
            return;
        };
        if let Some(known) = self.apps.get_mut(&dev.app) {
            known.kept.insert(taken.kept.number, taken.kept.clone());
        }
        dev.waiting = Some(taken);
        match &dev.under_way {
            None => self.start_snapshot(),
            Some(under_way) => {
                let key = ReleaseKey { app: dev.app.clone(), release: under_way.kept.release };
                let starting = self.releases.get(&key).is_some_and(|deployed| {
                    deployed.staging.is_some() && deployed.state == ReleaseState::Starting
                });
                if starting {
                    self.give_up_staging(&key, "a newer change came");
                }
            }
        }
    }

    /// Starts the newest snapshot, if none is being started.
    pub(super) fn start_snapshot(&mut self) {
        let Some(dev) = self.dev.as_mut().filter(|dev| dev.under_way.is_none()) else {
            return;
        };
        let Some(taken) = dev.waiting.take() else {
            return;
        };
        let (app, number) = (dev.app.clone(), taken.kept.number);
        dev.terminal.status(&format!("appserver: release {number} loads …"));
        dev.under_way = Some(taken);
        let asked = self.ask_for(&app, number);
        match self.deployment_of(&app, number) {
            Err(error) => asked.answer(self, Err(error)),
            Ok(deployment) => {
                // A developer changes signatures all the time; they are told.
                let body = Activate { number, allow_breaking: true, expect_current: None };
                let then = Then::Activate(body);
                let staging = Staging { asked, number, then, provisioned: Vec::new() };
                self.start_release(&app, number, deployment, staging);
            }
        }
    }

    /// A question whose answer comes as [`Event::SnapshotStarted`].
    fn ask_for(&self, app: &AppName, number: u64) -> Asked {
        let (reply, answer) = oneshot::channel();
        let events = self.events.clone();
        tokio::spawn(async move {
            if let Ok(reply) = answer.await {
                let _ = events.send(Event::SnapshotStarted { number, reply }).await;
            }
        });
        Asked {
            by: "dev".to_owned(),
            app: app.clone(),
            action: "activate",
            release: Some(number),
            detail: String::new(),
            since: Instant::now(),
            on_record: false,
            reply: Some(reply),
        }
    }

    /// A snapshot has become the current release, or cannot.
    pub(super) fn on_snapshot_started(&mut self, number: u64, reply: Reply) {
        let Some(dev) = self.dev.as_mut().filter(|_| self.phase != Phase::Stopped) else {
            return;
        };
        let Some(taken) = dev.under_way.take_if(|taken| taken.kept.number == number) else {
            return;
        };
        match reply {
            Ok(_) => self.snapshot_loaded(&taken),
            Err(error) if error.code == Code::Conflict => {
                dev.waiting.get_or_insert(taken);
                return self.retry_after(TRY_AGAIN, Retry::Snapshot);
            }
            // What came after it counts.
            Err(_) if dev.waiting.is_some() => {}
            Err(error) => self.snapshot_refused(&taken, error),
        }
        self.tidy_snapshots();
        self.start_snapshot();
        self.leave_start_phase();
    }

    fn snapshot_loaded(&mut self, taken: &Taken) {
        let Some(dev) = &mut self.dev else {
            return;
        };
        let key = ReleaseKey { app: dev.app.clone(), release: taken.kept.release };
        let published = self.releases.get(&key).and_then(|deployed| deployed.published.as_ref());
        let catalog = published.map(|published| published.catalog.clone()).unwrap_or_default();
        // `announce` tells of the first one.
        if self.phase == Phase::Starting {
            dev.terminal.clear();
        } else {
            let told = told(taken, dev.catalog.as_ref(), &catalog);
            dev.terminal.say(&told);
        }
        dev.catalog = Some(catalog);
        dev.settled = true;
        self.set_notice(&key.app, String::new());
    }

    fn snapshot_refused(&mut self, taken: &Taken, error: AdminError) {
        if self.is_stopping() {
            return;
        }
        let Some(dev) = &mut self.dev else {
            return;
        };
        let Some(known) = self.apps.get(&dev.app) else {
            return;
        };
        let number = taken.kept.number;
        let reason = known.failed.get(&number).cloned().unwrap_or(error.message);
        // As the developer knows the file.
        let copy = known.store.root(number).display().to_string();
        let reason = reason.replace(&copy, &dev.folder.display().to_string());
        let current = known.release(known.state.current).map(|_| known.state.current);
        let goes_on = match current {
            Some(current) => format!("release {current} keeps running"),
            None => "nothing is served until a change makes it load".to_owned(),
        };
        let told = format!("appserver: release {number} does not load: {reason}");
        dev.terminal.say(&format!("{told}\nappserver: {goes_on}"));
        dev.settled = true;
        let app = dev.app.clone();
        self.set_notice(&app, format!("the last change does not load, {goes_on}: {reason}"));
    }

    fn snapshot_failed(&mut self, reason: &str) {
        if let Some(dev) = &mut self.dev {
            dev.terminal.say(&format!("appserver: the folder cannot be copied: {reason}"));
            dev.settled = true;
        }
        self.leave_start_phase();
    }

    /// Callers who miss a function are told this from now on.
    fn set_notice(&mut self, app: &AppName, mut notice: String) {
        let Some(known) = self.apps.get_mut(app).filter(|known| known.notice != notice) else {
            return;
        };
        notice.truncate(notice.floor_char_boundary(NOTICE_BYTES_MAX));
        known.notice = notice;
        known.route();
        known.routing.generation += 1;
        self.board.publish();
    }

    /// Old releases end with their last call, and their snapshots go.
    pub(in crate::serve) fn tidy_snapshots(&mut self) {
        let Some(app) = self.dev.as_ref().map(|dev| dev.app.clone()) else {
            return;
        };
        let of_app = self.releases.values_mut().filter(|deployed| deployed.key.app == app);
        let old = of_app.filter(|d| d.drains_until.is_some() && !d.asked_to_drain && !d.stopping);
        let old: Vec<ReleaseKey> = old
            .map(|deployed| {
                deployed.asked_to_drain = true;
                deployed.key.clone()
            })
            .collect();
        old.iter().for_each(|key| self.on_drained(key));
        // Those of releases that still run go when these have ended.
        let _ = self.prune(&app, &Prune { keep: KEEP });
    }
}

/// What is served now, and what callers see of the change.
fn told(taken: &Taken, before: Option<&Catalog>, now: &Catalog) -> String {
    let functions = match now.functions.len() {
        1 => "1 function".to_owned(),
        count => format!("{count} functions"),
    };
    let number = taken.kept.number;
    let took_ms = taken.since.elapsed().as_millis();
    let mut lines = format!("appserver: release {number} serves {functions}, after {took_ms} ms");
    let changes = before.map(|before| diff(before, now)).unwrap_or_default();
    for change in changes.iter().take(CHANGES_MAX) {
        let breaks = if change.breaks_callers() { "breaking: " } else { "" };
        lines.push_str(&format!("\n  {breaks}{}", change.text));
    }
    if let Some(more) = changes.len().checked_sub(CHANGES_MAX).filter(|more| *more > 0) {
        lines.push_str(&format!("\n  … and {more} more"));
    }
    lines
}
