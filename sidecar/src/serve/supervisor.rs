//! The supervisor: one owner of the state, one loop over events.

use super::app::App;
use super::audit::Audit;
use super::commit::Waiting;
use super::connections::{ConnectionId, Connections};
use super::deployed::{Deployed, ReleaseState, pause_after};
use super::dev::Dev;
use super::event::{Event, Events, Incarnation, Retry, Signal};
use super::key::{PoolKey, ReleaseKey};
use super::pool::Pool;
use super::prototype::Prototype;
use super::settings::Settings;
use super::unread::Room;
use crate::config::Deployment;
use protocol::{AppName, Catalog, FromPrototype, Membership, Report, body_from_slice};
use shm::Board;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Largest catalog read from a prototype, in bytes.
const CATALOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// All state of the worker.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) settings: Arc<Settings>,
    pub(super) events: Events,
    pub(super) releases: BTreeMap<ReleaseKey, Deployed>,
    pub(super) apps: BTreeMap<AppName, App>,
    /// Folders that the worker was told to serve.
    pub(super) folders: BTreeMap<AppName, Deployment>,
    /// The folder that is being edited.
    pub(super) dev: Option<Dev>,
    /// Applications of which a release is being unpacked.
    pub(super) staging: BTreeSet<AppName>,
    /// Applications whose state is being written.
    pub(super) committing: BTreeSet<AppName>,
    /// Changes of such applications, oldest first.
    pub(super) waiting: VecDeque<Waiting>,
    /// Whether another worker has said what it has since the start.
    pub(super) members_answered: bool,
    /// Whether a question to them is under way, or arranged.
    pub(super) asking: bool,
    /// How often releases were retired.
    pub(super) retirements: u64,
    pub(super) audit: Audit,
    pub(super) connections: Connections,
    /// For answers that their callers leave unread.
    pub(super) unread_room: Room,
    pub(super) membership: Membership,
    /// Its epoch, for the edge.
    pub(super) epoch: Arc<AtomicU32>,
    pub(super) board: Board,
    pub(super) started: Instant,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) phase: Phase,
    /// When the pools were last looked at, and how often.
    pub(super) looked: Instant,
    pub(super) looks: u64,
}

/// Where the worker stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Prototypes have not all started or failed yet; nobody is let in.
    Starting,
    Serving,
    /// Calls in flight may end until then.
    Draining {
        until: Instant,
    },
    /// Nothing is in flight, or nobody waits for it any longer.
    Stopped,
}

impl Supervisor {
    /// Handles events until `phase` is no longer the one given.
    pub(super) async fn run_while(&mut self, phase: Phase, events: &mut mpsc::Receiver<Event>) {
        while self.phase == phase {
            let event = tokio::select! {
                event = events.recv() => event,
                () = self.next_look() => {
                    self.look();
                    continue;
                }
            };
            match event {
                Some(event) => self.handle(event),
                None => return,
            }
        }
    }

    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Hello(greeting) => self.on_hello(greeting),
            Event::Welcomed(id) => self.on_welcomed(id),
            Event::Abandoned(id) => self.close(id),
            Event::Rejected { peer, reason } => self.on_rejected(&peer, &reason),
            Event::Control { request, reply } => {
                // Whoever asked may be gone by now.
                let _ = reply.send(self.answer(request));
            }
            Event::Admin { question, by, reply } => self.on_question(question, by, reply),
            Event::Committed { state, result, asked, after } => {
                self.on_committed(state, result, asked, after);
            }
            Event::Provisioned { key, deployment, staging, result } => {
                self.on_provisioned(key, *deployment, staging, result);
            }
            Event::FolderChanged(news) => self.on_folder_changed(news),
            Event::SnapshotStarted { number, reply } => self.on_snapshot_started(number, reply),
            Event::Unpacked { app, result, then, asked } => {
                self.on_unpacked(&app, result, then, asked);
            }
            Event::Told(told) => self.on_told(&told),
            Event::CaughtUp { app, result } => self.on_caught_up(&app, result),
            Event::Prototype { from, message, descriptors } => {
                self.on_prototype(&from, message, descriptors);
            }
            Event::PrototypeExited { from, status } => self.on_prototype_exited(&from, status),
            Event::Executor { from, message, descriptors } => {
                self.on_executor(&from, message, descriptors);
            }
            Event::Unread { id, ended } => self.on_unread_ended(id, &ended),
            Event::Busy(pool) => self.on_busy(&pool),
            Event::Retry(Retry::Prototype(release)) => self.start_prototype(&release),
            Event::Retry(Retry::Pool(pool)) => self.on_pause_over(&pool),
            Event::Retry(Retry::Overdue(from)) => self.on_start_overdue(&from),
            Event::Retry(Retry::Staged(release)) => self.check_staged(&release),
            Event::Retry(Retry::Activation { app, body, asked, tries }) => {
                self.try_activation(app, body, asked, tries);
            }
            Event::Retry(Retry::Snapshot) => self.start_snapshot(),
            Event::Retry(Retry::Drained(release)) => self.on_drained(&release),
            Event::Retry(Retry::Overstayed(release)) => self.on_overstayed(&release),
            Event::Retry(Retry::Adopt { app, settings, reply }) => {
                self.adopt_settings(app, settings, reply);
            }
            Event::Retry(Retry::TakeOver { app, number, archive, reply }) => {
                self.take_over(app, number, archive, reply);
            }
            Event::Retry(Retry::AskMembers) => self.ask_members(),
            Event::Retry(Retry::StartHeld(app)) => self.on_start_held(&app),
            Event::Retry(Retry::Unprepare(app)) => self.forget_preparation(&app),
            Event::Retry(Retry::Orphans { pool, suspects }) => self.close_orphans(&pool, &suspects),
            Event::Signal(signal) => self.on_signal(signal),
        }
    }

    /// Starts the prototype of a release, or tries again later.
    pub(super) fn start_prototype(&mut self, key: &ReleaseKey) {
        if self.is_stopping() {
            return;
        }
        let Some(deployed) = self.releases.get(key) else {
            return;
        };
        // Its bootstrap may read them.
        let written = deployed.make_settings_dir(&self.settings);
        if let Err(error) = written.and_then(|()| self.give_settings(deployed)) {
            let folder = deployed.settings_dir().display();
            return self.on_start_failed(key, format!("{folder}: {error}"));
        }
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        match deployed.start(&self.settings, &self.events) {
            Ok(started) => {
                let limit = deployed.deployment.config.start_timeout_ms;
                self.retry_after(Duration::from_millis(limit), Retry::Overdue(started));
            }
            Err(reason) => self.on_start_failed(key, reason),
        }
    }

    /// A prototype that is still starting, e.g. in an endless loop of its bootstrap, is ended.
    fn on_start_overdue(&mut self, from: &Incarnation) {
        let Some(deployed) = self.releases.get(&from.release).filter(|d| d.is_current(from)) else {
            return;
        };
        if deployed.state == ReleaseState::Starting {
            deployed.prototype.iter().for_each(Prototype::kill);
            let limit = deployed.deployment.config.start_timeout_ms;
            let reason = format!("it was not ready within {limit} ms (start_timeout_ms)");
            self.on_start_failed(&from.release, reason);
        }
    }

    fn on_prototype(&mut self, from: &Incarnation, message: FromPrototype, mut fds: Vec<OwnedFd>) {
        let current = self.releases.get(&from.release).is_some_and(|d| d.is_current(from));
        if !current {
            return;
        }
        match message {
            FromPrototype::Ready(report) => self.on_ready(&from.release, report, fds.pop()),
            FromPrototype::Failed { message } => self.on_start_failed(&from.release, message),
            FromPrototype::Forked { pool, index, pid } => {
                let pool = PoolKey { release: from.release.clone(), index: pool };
                self.on_forked(&pool, index, pid, fds.pop());
            }
            FromPrototype::ForkFailed { pool, index, message } => {
                let pool = PoolKey { release: from.release.clone(), index: pool };
                self.on_fork_failed(&pool, index, &message);
            }
            FromPrototype::Exited(exit) => {
                let pool = PoolKey { release: from.release.clone(), index: exit.pool };
                self.on_executor_exited(&pool, exit);
            }
        }
    }

    fn on_ready(&mut self, key: &ReleaseKey, report: Report, catalog: Option<OwnedFd>) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        for warning in &report.warnings {
            tracing::warn!(release = %key, "{warning}");
        }
        let ready =
            read_catalog(catalog).and_then(|catalog| deployed.ready(catalog, report, &self.events));
        match ready {
            Ok(given_up) => {
                if deployed.published.as_ref().is_some_and(|p| p.catalog.functions.is_empty()) {
                    tracing::warn!(release = %key, "no function can be called: the entry files \
                        define none, or export matches none");
                }
                tracing::info!(release = %key, pid = deployed.prototype.as_ref().map(|p| p.pid),
                    php = deployed.report.php_version, opcache = deployed.report.opcache,
                    preloaded_files = deployed.report.preloaded_files, "application started");
                self.tell_executors_epoch();
                self.board.publish();
                self.prepare_pools(key);
                given_up.values().for_each(|pool| self.close_all_of(pool));
                self.fill_pools(key);
                self.check_staged(key);
            }
            Err(error) => self.on_start_failed(key, format!("its catalog is unusable: {error}")),
        }
        self.leave_start_phase();
    }

    /// Gives new pools what their calls need, before there is an executor.
    fn prepare_pools(&mut self, key: &ReleaseKey) {
        let is_current = self.route_of(&key.app).current == key.release;
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        if !is_current {
            deployed.pools.values_mut().for_each(Pool::retire);
        }
        if let Some(deployed) = self.releases.get(key)
            && let Err(error) = self.give_settings(deployed)
        {
            tracing::error!(release = %key, %error, "its settings cannot be written");
        }
    }

    /// Forks what is missing in every pool of a release.
    pub(super) fn fill_pools(&mut self, key: &ReleaseKey) {
        let pools = self.releases.get(key).map(|deployed| deployed.pools.keys().copied());
        for index in pools.into_iter().flatten().collect::<Vec<_>>() {
            self.fill(&PoolKey { release: key.clone(), index });
        }
    }

    /// A prototype did not start: everything else goes on, and it is tried again after a pause.
    fn on_start_failed(&mut self, key: &ReleaseKey, reason: String) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        if deployed.staging.is_some() {
            return self.give_up_staging(key, &reason);
        }
        // While the worker starts, the one place that says so is `require_one_running`.
        if self.phase != Phase::Starting {
            tracing::error!(release = %key, "application did not start: {reason}");
        }
        deployed.state = ReleaseState::Failed(reason);
        if deployed.prototype.is_none() {
            self.retry_prototype(key);
        }
        self.hang_up_on(key);
        self.leave_start_phase();
    }

    /// A release that is not even tried to start.
    pub(super) fn fail(&mut self, key: &ReleaseKey, reason: String) {
        if let Some(deployed) = self.releases.get_mut(key) {
            deployed.state = ReleaseState::Failed(reason);
        }
        self.leave_start_phase();
    }

    /// Whoever waits for a release that cannot start had better go elsewhere.
    pub(super) fn hang_up_on(&mut self, key: &ReleaseKey) {
        let of_release = self.connections.iter().filter(|c| c.pool.release == *key);
        for id in of_release.map(|connection| connection.id).collect::<Vec<_>>() {
            self.close(id);
        }
    }

    fn on_prototype_exited(&mut self, from: &Incarnation, status: Option<ExitStatus>) {
        let Some(deployed) = self.releases.get_mut(&from.release).filter(|d| d.is_current(from))
        else {
            return;
        };
        deployed.prototype = None;
        if deployed.stopping {
            self.bury_all(&from.release);
            return self.forget_release(&from.release);
        }
        let status = status.map_or("for an unknown reason".to_owned(), |s| s.to_string());
        if matches!(self.phase, Phase::Draining { .. } | Phase::Stopped) {
            return self.bury_all(&from.release);
        }
        if deployed.staging.is_some() {
            let reason = format!("its prototype ended: {status}");
            self.bury_all(&from.release);
            return self.give_up_staging(&from.release, &reason);
        }
        if !matches!(deployed.state, ReleaseState::Failed(_)) {
            tracing::error!(release = %from.release, %status, "prototype ended; it is replaced");
            deployed.state = match deployed.published {
                Some(_) => ReleaseState::Starting,
                None => ReleaseState::Failed(format!("prototype ended: {status}")),
            };
        }
        self.bury_all(&from.release);
        self.retry_prototype(&from.release);
        self.leave_start_phase();
    }

    fn retry_prototype(&mut self, key: &ReleaseKey) {
        if let Some(deployed) = self.releases.get_mut(key) {
            deployed.start_failures += 1;
            let pause = pause_after(deployed.start_failures);
            self.retry_after(pause, Retry::Prototype(key.clone()));
        }
    }

    pub(super) fn retry_after(&self, pause: Duration, retry: Retry) {
        self.send_after(pause, Event::Retry(retry));
    }

    pub(super) fn send_after(&self, pause: Duration, event: Event) {
        let events = self.events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = events.send(event).await;
        });
    }

    /// Serving begins when every application has started or failed, and has what other workers have.
    pub(super) fn leave_start_phase(&mut self) {
        let settled = self.releases.values().all(|d| d.state != ReleaseState::Starting)
            && self.dev.as_ref().is_none_or(Dev::is_settled);
        let mut behind = self.apps.values().filter_map(|app| app.behind.as_ref());
        let caught_up = !behind.any(|behind| behind.holds_start);
        if self.phase == Phase::Starting && settled && caught_up {
            self.phase = Phase::Serving;
        }
    }

    fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::Terminate => self.begin_to_stop(),
            Signal::Reload => self.reload(),
        }
    }

    pub(super) fn pool(&self, key: &PoolKey) -> Option<&Pool> {
        self.releases.get(&key.release)?.pools.get(&key.index)
    }

    pub(super) fn pool_mut(&mut self, key: &PoolKey) -> Option<&mut Pool> {
        self.releases.get_mut(&key.release)?.pools.get_mut(&key.index)
    }

    /// Hangs up, whatever is under way.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let epoll = self.connections.get(id).and_then(|connection| {
            let release = self.releases.get(&connection.pool.release)?;
            Some(&release.pools.get(&connection.pool.index)?.epoll)
        });
        self.connections.close(id, epoll);
    }

    /// Hangs up on everybody in a pool that is given up; they come again.
    fn close_all_of(&mut self, pool: &Pool) {
        let in_pool = self.connections.iter().filter(|connection| connection.pool == pool.key);
        for id in in_pool.map(|connection| connection.id).collect::<Vec<_>>() {
            self.connections.close(id, Some(&pool.epoll));
        }
    }
}

fn read_catalog(file: Option<OwnedFd>) -> io::Result<Catalog> {
    let mut file = File::from(file.ok_or_else(|| io::Error::other("it is missing"))?);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(CATALOG_BYTES_MAX).read_to_end(&mut bytes)?;
    body_from_slice("catalog", &bytes).map_err(io::Error::other)
}
