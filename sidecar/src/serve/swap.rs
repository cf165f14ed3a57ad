//! Activation: new calls of an application go to another release, from one moment to the next.
//!
//! What no call can see half of, in this order:
//!
//! 1. The pools of the release that takes over are opened, those of the one before are retired. An
//!    executor of a retired pool begins no call any more that is not pinned to its release: it looks
//!    after it has put the call into its cell, and [`shm::Scoreboard::retire`] was before the cells are
//!    read here, so either we see the call, and it began before, or the executor sees the retirement
//!    and answers `Moved`.
//! 2. The routing says where new requests go.
//! 3. Connections that no cell names are moved to the new pools' epoll: nobody reads from them. An
//!    executor that epoll had just given one looks at the retirement, too, before it reads. Those that
//!    a cell names stay until their executor says `Released`.
//! 4. The board tells local clients.
//!
//! A pool can be opened again (a rollback) once every executor that held nothing when it was retired
//! has passed that retirement: before that, one could still be on its way from epoll_wait(2) to its
//! cell with a connection that is no longer its own.

use super::connections::ConnectionId;
use super::deployed::Deployed;
use super::event::ExecutorKey;
use super::key::{PoolKey, ReleaseKey};
use super::pool::Pool;
use super::rollout::runs;
use super::supervisor::Supervisor;
use protocol::{AppName, DEFAULT_POOL, Routing};
use shm::State;
use shm::{Scope, slot};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// Why a release cannot take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotNow {
    /// It is not here.
    Unknown,
    /// It does not run: why.
    NotRunning(String),
    /// Executors have not passed its last retirement yet; it takes microseconds.
    Busy,
}

impl Supervisor {
    /// Makes the routing of an application hold, after it was changed. From when this returns no
    /// unpinned call begins in a release that is not current.
    pub(super) fn switch(&mut self, app: &AppName, before: Routing) {
        let now = self.route_of(app);
        let next = ReleaseKey { app: app.clone(), release: now.current };
        let last = ReleaseKey { app: app.clone(), release: before.current };
        if last != next {
            // Connections for jobs have to find their like.
            if self.has_jobs_pool(&last) {
                self.ensure_jobs_pool(&next);
            }
            self.open_pools(&next);
            self.retire_pools(&last);
        }
        if let Some(known) = self.apps.get_mut(app) {
            known.routing.generation += 1;
        }
        if last != next {
            self.move_connections(&last);
        }
        // What a release returned before another one was current is not given when it is current again.
        self.board.invalidate(slot(app.as_str(), Scope::App));
        self.board.publish();
        self.tell_jobs(app);
    }

    /// Whether [`Self::switch`] may make this release the current one.
    pub(super) fn can_take_over(&mut self, key: &ReleaseKey) -> Result<(), NotNow> {
        let deployed = self.releases.get_mut(key).ok_or(NotNow::Unknown)?;
        runs(&deployed.state)?;
        let passed = deployed.pools.values_mut().all(Pool::has_passed);
        if passed { Ok(()) } else { Err(NotNow::Busy) }
    }

    fn open_pools(&mut self, key: &ReleaseKey) {
        if let Some(deployed) = self.releases.get_mut(key) {
            deployed.awaits = None;
            deployed.drains_until = None;
            deployed.asked_to_drain = false;
            deployed.pools.values_mut().for_each(Pool::open);
        }
    }

    pub(super) fn retire_pools(&mut self, key: &ReleaseKey) {
        if let Some(deployed) = self.releases.get_mut(key) {
            self.retirements += 1;
            deployed.retired = self.retirements;
            deployed.pools.values_mut().for_each(Pool::retire);
        }
    }

    /// Moves what is free of a release that is not current any more; the rest is awaited.
    fn move_connections(&mut self, before: &ReleaseKey) {
        let Some(deployed) = self.releases.get(before) else {
            return;
        };
        let held: Vec<u64> = deployed.pools.values().flat_map(Pool::held).collect();
        let all = self.connections.iter().filter(|c| c.pool.release == *before);
        let all: Vec<ConnectionId> = all.map(|connection| connection.id).collect();
        for id in all.into_iter().filter(|id| !id.is_pinned()) {
            if held.contains(&id.to_u64()) {
                let pool = self.connections.get(id).map(|connection| connection.pool.clone());
                let retirement = pool.and_then(|pool| self.pool(&pool)).map(|pool| pool.retirement);
                self.connections.await_release(id, retirement.unwrap_or_default());
            } else {
                self.place(id);
            }
        }
    }

    /// An executor of a retired pool has no more to do with a connection.
    pub(super) fn on_released(&mut self, from: &ExecutorKey, id: ConnectionId, retirement: u32) {
        let of_pool = self.connections.get(id).is_some_and(|c| c.pool == from.pool);
        if of_pool && self.connections.take_awaited(id, retirement) {
            self.place(id);
        }
    }

    /// Puts a connection that nobody reads from where it belongs: a pinned one into its pool, others
    /// into the pool of that name of the current release. One whose answer waits for its reader is put
    /// there after it.
    pub(super) fn place(&mut self, id: ConnectionId) {
        if self.connections.is_unread(id) {
            return;
        }
        let Some(from) = self.connections.get(id).map(|connection| connection.pool.clone()) else {
            return;
        };
        let to = if id.is_pinned() { Some(from.clone()) } else { self.home_of(&from) };
        let epolls = to.as_ref().and_then(|to| {
            Some((epoll_of(&self.releases, &from)?, to, epoll_of(&self.releases, to)?))
        });
        let Some((old, to, new)) = epolls else {
            return self.close(id);
        };
        let placed = if *to == from {
            self.connections.rearm(id, new)
        } else {
            self.connections.move_to(id, old, to, new)
        };
        if let Err(error) = placed {
            tracing::error!(%error, "a connection cannot be handed to its pool");
            self.close(id);
        }
    }

    /// The pool of the current release that stands for a pool of any release of the application: the
    /// one of the same name, else where its default pool would be.
    fn home_of(&self, pool: &PoolKey) -> Option<PoolKey> {
        let app = &pool.release.app;
        let release = self.route_of(app).current;
        let current = self.releases.get(&ReleaseKey { app: app.clone(), release })?;
        let name = self.pool(pool).map_or(DEFAULT_POOL, |pool| pool.boot.name.as_str());
        let home = current.pool_named(name).or_else(|| current.pool_named(DEFAULT_POOL))?;
        Some(home.key.clone())
    }
}

fn epoll_of<'a>(
    releases: &'a BTreeMap<ReleaseKey, Deployed>,
    key: &PoolKey,
) -> Option<&'a OwnedFd> {
    Some(&releases.get(&key.release)?.pools.get(&key.index)?.epoll)
}

impl Pool {
    /// New calls of the application come here.
    fn open(&mut self) {
        self.scoreboard.retire(0);
        self.passing.clear();
    }

    /// New calls of the application go elsewhere.
    pub(super) fn retire(&mut self) {
        self.retirement += 1;
        self.scoreboard.retire(self.retirement);
        let holds_nothing = |index: &usize| {
            let cell = self.scoreboard.cell(*index);
            // One in a call whose connection others have sees the retirement when it waits again.
            cell.state() != State::Empty
                && cell.remains().connection == 0
                && cell.running().is_none()
        };
        self.passing = (0..self.executors.len()).filter(holds_nothing).collect();
        self.has_passed();
    }

    /// Whether no executor can still be on its way to a connection that was moved at the last
    /// retirement. Those that sleep are woken, so that they pass; again if need be, because one may
    /// have been about to fall asleep.
    fn has_passed(&mut self) -> bool {
        let (scoreboard, retirement) = (&self.scoreboard, self.retirement);
        self.passing.retain(|index| {
            let cell = scoreboard.cell(*index);
            cell.state() != State::Empty && cell.passed() < retirement
        });
        for executor in self.passing.iter().filter_map(|index| self.executors[*index].as_ref()) {
            executor.interrupt();
        }
        self.passing.is_empty()
    }

    /// Connections that executors hold, by their names.
    pub(super) fn held(&self) -> impl Iterator<Item = u64> {
        self.scoreboard.cells().map(|cell| cell.remains().connection).filter(|name| *name != 0)
    }
}
