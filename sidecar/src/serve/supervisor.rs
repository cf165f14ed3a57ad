//! The supervisor: one owner of the state, one loop over events.

use super::app::App;
use super::audit::Audit;
use super::commit::Waiting;
use super::connections::{ConnectionId, Connections};
use super::deployed::{Deployed, ReleaseState};
use super::dev::Dev;
use super::event::{Event, Events, Retry, Signal};
use super::jobs::Jobs;
use super::key::{PoolKey, ReleaseKey};
use super::pool::Pool;
use super::reload::QueuesSaid;
use super::settings::Settings;
use super::unread::Room;
use crate::config::Deployment;
use protocol::{AppName, Membership};
use shm::Board;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

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
    /// How often releases were staged.
    pub(super) stagings: u64,
    pub(super) audit: Audit,
    pub(super) jobs: Jobs,
    /// What the administrator says of the queues of each application; read again on SIGHUP.
    pub(super) queues: QueuesSaid,
    pub(super) connections: Connections,
    /// For answers that their callers leave unread.
    pub(super) unread_room: Room,
    pub(super) membership: Membership,
    /// Those of its addresses that are this worker's; looked for at the start and when it changes.
    pub(super) own_addresses: BTreeSet<String>,
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
            Event::Admin(waiting) => self.on_question(waiting),
            Event::FoundItself { list, own } => self.on_found_itself(&list, own),
            Event::JobsChanged { asked, answer } => asked.answer(self, answer),
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
            Event::Retry(retry) => self.retry(retry),
            Event::Signal(signal) => self.on_signal(signal),
        }
    }

    /// What a pause was for.
    fn retry(&mut self, retry: Retry) {
        match retry {
            Retry::Prototype(release) => self.start_prototype(&release),
            Retry::Pool(pool) => self.on_pause_over(&pool),
            Retry::Overdue(from) => self.on_start_overdue(&from),
            Retry::Start { app, number, deployment, staging } => {
                self.start_release(&app, number, *deployment, staging);
            }
            Retry::Staged(release) => self.check_staged(&release),
            Retry::Activation { app, body, asked, tries } => {
                self.try_activation(app, body, asked, tries);
            }
            Retry::Snapshot => self.start_snapshot(),
            Retry::Drained(release) => self.on_drained(&release),
            Retry::Overstayed(release) => self.on_overstayed(&release),
            Retry::Adopt { app, settings, reply } => {
                self.adopt_settings(app, settings, reply);
            }
            Retry::TakeOver { app, number, archive, then, reply } => {
                self.take_over(app, number, archive, then, reply);
            }
            Retry::AskMembers => self.ask_members(),
            Retry::StartHeld(app) => self.on_start_held(&app),
            Retry::Unprepare(app) => self.forget_preparation(&app),
            Retry::Orphans { pool, suspects, tries } => self.on_orphans(pool, suspects, tries),
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

    /// Whoever waits for a release that cannot start had better go elsewhere.
    pub(super) fn hang_up_on(&mut self, key: &ReleaseKey) {
        let of_release = self.connections.iter().filter(|c| c.pool.release == *key);
        for id in of_release.map(|connection| connection.id).collect::<Vec<_>>() {
            self.tell_unbegun(id);
            self.close(id);
        }
    }

    /// Hangs up on everybody in a pool that is given up; they come again.
    pub(super) fn close_all_of(&mut self, pool: &Pool) {
        let in_pool = self.connections.iter().filter(|connection| connection.pool == pool.key);
        for id in in_pool.map(|connection| connection.id).collect::<Vec<_>>() {
            self.connections.close(id, Some(&pool.epoll));
        }
    }
}
