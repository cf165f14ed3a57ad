//! Where results of a call may be kept: only where the version that it would run in is certain, and a board
//! of this host tells of every invalidation.

use super::app::Version;
use super::call::{Call, Context, Known, Stay};
use super::options::Options;
use super::table::CallId;
use super::{Client, with};
use protocol::{AppName, CachePolicy, Function};
use std::collections::HashMap;
use std::rc::Rc;

/// Calls whose grounds are remembered; with more, all are forgotten.
const SHORTCUTS_MAX: usize = 256;

/// What a result of a call belongs to. Two that differ in any part of it are results of different things.
#[derive(Debug)]
pub(crate) struct Ground {
    known: Known,
    version: Version,
    board: BoardMark,
}

/// A board that a worker named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BoardMark {
    cluster: usize,
    worker: usize,
    /// No two boards that this process opened have the same.
    serial: u64,
}

/// The ground that calls of `target` had, and what has to be as it was for it to be theirs still.
#[derive(Debug)]
struct Shortcut {
    ground: Rc<Ground>,
    options: Rc<Options>,
    request: u64,
    pins: u64,
    news: u64,
}

/// See [`ground`] and [`known_ground`].
#[derive(Debug, Default)]
pub(super) struct Shortcuts(HashMap<String, Shortcut>);

/// `None` = results of this call of `target` are neither given nor kept. It must be ready to be sent.
pub(crate) fn ground(id: CallId, target: &str) -> Option<Rc<Ground>> {
    with(|client| {
        let ground = Rc::new(client.ground(id)?);
        client.remember(id, target, &ground);
        Some(ground)
    })
}

/// The ground that a call would have, where nothing has changed since there was one like it in this PHP
/// request: at the price of a few loads.
pub(crate) fn known_ground(options: &Rc<Options>, target: &str) -> Option<Rc<Ground>> {
    with(|client| {
        let shortcut = client.shortcuts.0.get(target)?;
        let BoardMark { cluster, worker, serial } = shortcut.ground.board;
        let (news, ground) = (shortcut.news, &shortcut.ground);
        if shortcut.request != client.request
            || shortcut.pins != client.pins.changes()
            || !Rc::ptr_eq(&shortcut.options, options)
        {
            return None;
        }
        let cluster = client.clusters.get_mut(cluster)?;
        cluster.look_at_boards();
        let is_current =
            cluster.news == news && cluster.workers.get(worker)?.board_serial() == Some(serial);
        is_current.then(|| Rc::clone(ground))
    })
}

/// Lends what reads the board's counters of invalidations. It says `None` where the board is not this
/// process's any more.
pub(crate) fn counts<R>(
    ground: &Ground,
    now_ms: u64,
    work: impl FnOnce(&dyn Fn(u16) -> Option<u64>) -> R,
) -> R {
    with(|client| {
        let BoardMark { cluster, worker, serial } = ground.board;
        let cluster = client.clusters.get_mut(cluster);
        let worker = cluster.and_then(|cluster| cluster.workers.get_mut(worker));
        let board = worker.and_then(|worker| worker.board_of(serial, now_ms));
        work(&|slot| board.map(|board| board.invalidations(slot)))
    })
}

impl Ground {
    pub(crate) fn function(&self) -> Option<&Function> {
        self.known.view.catalog.functions.get(self.known.index)
    }

    pub(crate) fn policy(&self) -> Option<&CachePolicy> {
        self.function()?.cache.as_ref()
    }

    pub(crate) fn app(&self) -> &AppName {
        &self.known.view.catalog.app
    }

    /// Appends what tells it from all others.
    pub(crate) fn put(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.board.serial.to_le_bytes());
        key.extend_from_slice(&self.version.release.0.to_le_bytes());
        key.extend_from_slice(&self.version.settings.to_le_bytes());
        key.extend_from_slice(&(self.known.index as u64).to_le_bytes());
        key.extend_from_slice(self.app().as_str().as_bytes());
        key.push(0);
    }

    /// Whether the call, which is answered, ran in it.
    pub(crate) fn is_of(&self, call: &Call) -> bool {
        call.ran_in == self.version
    }
}

impl Client {
    fn remember(&mut self, id: CallId, target: &str, ground: &Rc<Ground>) {
        let Some(options) = self.call(id).and_then(|call| call.options().cloned()) else {
            return;
        };
        let context = self.call(id).and_then(|call| call.context.as_ref());
        let (Some(context), Some(cluster)) = (context, self.clusters.get(ground.board.cluster))
        else {
            return;
        };
        // While a release is on trial each call's key decides.
        if cluster.apps.get(context.app).is_none_or(|app| app.routing().canary.is_some()) {
            return;
        }
        let news = cluster.news;
        let (request, pins) = (self.request, self.pins.changes());
        let shortcut = Shortcut { ground: Rc::clone(ground), options, request, pins, news };
        let known = &mut self.shortcuts.0;
        match known.get_mut(target) {
            Some(known) => *known = shortcut,
            None => {
                if known.len() >= SHORTCUTS_MAX {
                    known.clear();
                }
                known.insert(target.to_owned(), shortcut);
            }
        }
    }

    fn ground(&mut self, id: CallId) -> Option<Ground> {
        // Where nothing is kept this is all that it costs.
        if !self.call(id)?.context.as_ref()?.may_be_kept() {
            return None;
        }
        self.settle_version(id);
        let context = self.call(id)?.context.as_ref()?;
        let known = context.known.as_ref()?;
        let cluster = self.clusters.get(context.cluster)?;
        let routing = cluster.apps.get(context.app)?.routing();
        let version = match context.stay {
            Stay::Pinned => context.version,
            Stay::Free if cluster.is_up_to_date(context.app) => {
                Version { release: routing.current, settings: routing.settings }
            }
            _ => return None,
        };
        let on_trial = routing.canary.is_some_and(|canary| canary.release == version.release);
        if version.release != known.view.catalog.release || on_trial {
            return None;
        }
        let boards = cluster.workers.iter().enumerate();
        let mut boards = boards.filter_map(|(index, worker)| Some((index, worker.board_serial()?)));
        let (worker, serial) = boards.next()?;
        let board = BoardMark { cluster: context.cluster, worker, serial };
        Some(Ground { known: known.clone(), version, board })
    }
}

impl Context {
    /// Whether it is a call of a function whose results are kept by callers.
    fn may_be_kept(&self) -> bool {
        let is_wanted = || self.function().is_some_and(|function| function.cache.is_some());
        self.errand.is_none() && !self.options.output && is_wanted()
    }
}
