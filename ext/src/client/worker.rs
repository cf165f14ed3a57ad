//! One worker as this process sees it: idle connections, health, board.

use super::connection::Connection;
use super::options::Options;
use super::way::Way;
use net::Address;
use protocol::{BoardAt, ReleaseId};
use shm::BoardReader;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A worker of a cluster. Its index in the cluster never changes while it has connections.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) address: Address,
    pub(super) label: Rc<str>,
    pub(super) weight: u16,
    pub(super) standing: Standing,
    pub(super) health: Health,
    idle: Vec<Idle>,
    /// Connections that exist, idle or in use.
    pub(super) open: u32,
    /// For questions to the supervisor; opened by the first.
    pub(super) control: Option<Connection>,
    board: Option<Board>,
    /// A board was found to be gone, and nobody has heard of it yet.
    board_lost: bool,
    /// Tag of its ledger, once it has told.
    pub(super) ledger: Option<u16>,
    pub(super) calls: u64,
    pub(super) failures: u64,
}

/// A worker's part in its cluster now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    /// A configured socket of this host that the list of workers does not name: good for calls that
    /// any worker may take. Keys are not for it, because other clients know the worker by another
    /// name, or not at all.
    Neighbour,
    Gone,
}

#[derive(Debug)]
struct Idle {
    app: usize,
    connection: Connection,
}

#[derive(Debug)]
struct Board {
    path: String,
    reader: BoardReader,
    seen: u64,
    /// No two that this process opened have the same.
    serial: u64,
    /// When it was last seen to be the one that the worker writes to.
    looked_at_ms: u64,
}

/// How often that is looked at where nothing else would show it, in milliseconds.
const LOOK_EVERY_MS: u64 = 1000;
/// Of the board that was opened last.
static BOARDS: AtomicU64 = AtomicU64::new(0);

/// Whether a worker is worth trying.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures_in_a_row: u32,
    retry_at: Option<Instant>,
}

impl Health {
    /// Whether the worker failed lately and is to be tried after the others.
    pub(super) fn is_resting(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| now < at)
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Doubles the pause with each failure; `jitter` (0 to 1) takes up to half of it away again, so
    /// that many clients do not come back at one moment.
    fn failed(&mut self, now: Instant, options: &Options, jitter: f64) {
        let doubled = options.backoff.saturating_mul(1 << self.failures_in_a_row.min(16));
        let pause = doubled.min(options.backoff_max).mul_f64(1.0 - jitter / 2.0);
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        self.retry_at = Some(now + pause);
    }

    pub(super) fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// How long until the worker is tried in its turn again.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        self.retry_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}

impl Worker {
    pub(super) fn new(address: Address, weight: u16) -> Self {
        Self {
            label: address.to_string().into(),
            address,
            weight,
            standing: Standing::Member,
            health: Health::default(),
            idle: Vec::new(),
            open: 0,
            control: None,
            board: None,
            board_lost: false,
            ledger: None,
            calls: 0,
            failures: 0,
        }
    }

    /// Whether calls may go there.
    pub(super) fn is_listed(&self) -> bool {
        self.standing != Standing::Gone
    }

    /// Its share of keys.
    pub(super) fn key_weight(&self) -> u16 {
        if self.standing == Standing::Member { self.weight } else { 0 }
    }

    /// Whether calls that any worker may take go there first.
    pub(super) fn is_at_hand(&self) -> bool {
        self.address.is_local() && self.weight > 0
    }

    /// An idle connection for calls of `app` in `pool`, or for its jobs; one that names its release
    /// before others. Those found dead on the way are dropped.
    pub(super) fn take_idle(
        &mut self,
        app: usize,
        pool: Option<&str>,
        way: Way,
        now: Instant,
    ) -> Option<Connection> {
        loop {
            let fits = |idle: &(usize, &Idle)| {
                let connection = &idle.1.connection;
                idle.1.app == app && connection.pool.as_deref() == pool && way.is_way_of(connection)
            };
            let fitting = self.idle.iter().enumerate().filter(fits);
            // The last of those that name their release, else the one that was used last.
            let (position, _) =
                fitting.max_by_key(|(_, idle)| !idle.connection.release.is_any())?;
            let mut connection = self.idle.swap_remove(position).connection;
            // What was sent in vain to a ledger may have been stored: that is worth a look.
            let unlooked = pool.is_some() && connection.is_fresh(now);
            if unlooked || !connection.socket.is_stale() {
                connection.doubted = false;
                return Some(connection);
            }
            self.open -= 1;
        }
    }

    pub(super) fn put_idle(&mut self, app: usize, connection: Connection) {
        if self.is_listed() {
            self.idle.push(Idle { app, connection });
        } else {
            self.dropped();
        }
    }

    /// Makes room for one more connection by closing an idle one that serves something else; one that
    /// names its release only if there is no other, because a worker may let the release go with it.
    pub(super) fn make_room(&mut self, connections_max: u32) -> bool {
        if self.open >= connections_max && !self.idle.is_empty() {
            let current = self.idle.iter().position(|idle| idle.connection.release.is_any());
            self.idle.remove(current.unwrap_or(0));
            self.open -= 1;
        }
        self.open < connections_max
    }

    /// Closes idle connections of releases that nobody is kept in any more.
    pub(super) fn let_go(&mut self, is_kept: impl Fn(usize, ReleaseId) -> bool) {
        let before = self.idle.len();
        self.idle.retain(|idle| {
            idle.connection.release.is_any() || is_kept(idle.app, idle.connection.release)
        });
        self.open -= u32::try_from(before - self.idle.len()).unwrap_or(self.open);
    }

    /// Idle connections may have been hung up: the worker may have been started anew.
    pub(super) fn doubt_idle(&mut self) {
        for idle in &mut self.idle {
            idle.connection.doubted = true;
        }
    }

    /// A connection that was in use is gone.
    pub(super) fn dropped(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(super) fn close_idle(&mut self) {
        self.open -= u32::try_from(self.idle.len()).unwrap_or(self.open);
        self.idle.clear();
    }

    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Closes the idle connections' descriptors only: their other ends belong to the parent process.
    pub(super) fn abandon(&mut self) {
        let idle = self.idle.drain(..).map(|idle| idle.connection);
        for connection in idle.chain(self.control.take()) {
            connection.socket.abandon();
        }
        self.open = 0;
    }

    pub(super) fn succeeded(&mut self) {
        self.health.succeeded();
    }

    pub(super) fn failed(&mut self, now: Instant, options: &Options, jitter: f64) {
        self.failures += 1;
        self.health.failed(now, options, jitter);
    }

    /// Whether the worker's board has moved on since this was asked last: catalog, release or
    /// membership may be news.
    pub(super) fn has_news(&mut self) -> bool {
        let is_lost = std::mem::take(&mut self.board_lost);
        let Some(board) = &mut self.board else {
            return is_lost;
        };
        let generation = board.reader.generation();
        std::mem::replace(&mut board.seen, generation) != generation || is_lost
    }

    /// Whether its board tells of every change, as long as the worker itself is well.
    pub(super) fn is_watched(&self) -> bool {
        self.board.is_some() && self.is_listed() && self.health.failures_in_a_row == 0
    }

    /// Of a board that tells of every change.
    pub(super) fn board_serial(&self) -> Option<u64> {
        self.board.as_ref().filter(|_| self.is_watched()).map(|board| board.serial)
    }

    /// That board, as long as it tells of every change. Whoever asks nothing but it would not hear that
    /// another was made in its place, so now and then it is looked at.
    pub(super) fn board_of(&mut self, serial: u64, now_ms: u64) -> Option<&BoardReader> {
        if !self.is_watched() {
            return None;
        }
        let board = self.board.as_mut().filter(|board| board.serial == serial)?;
        if now_ms.saturating_sub(board.looked_at_ms) >= LOOK_EVERY_MS {
            if !board.reader.is_at(Path::new(&board.path)) {
                self.board = None;
                self.board_lost = true;
                return None;
            }
            board.looked_at_ms = now_ms;
        }
        self.board.as_ref().map(|board| &board.reader)
    }

    pub(super) fn has_board(&self) -> bool {
        self.board.is_some()
    }

    /// Follows the board a welcome named. One that cannot be read is done without. True when it takes
    /// the place of another, whose last news nobody may have heard. It may be another under the same
    /// name: service managers empty the folder of a service that they start anew.
    pub(super) fn watch(&mut self, at: Option<&BoardAt>) -> bool {
        let Some(at) = at.filter(|_| self.address.is_local()) else {
            return false;
        };
        let path = Path::new(&at.path);
        if self
            .board
            .as_ref()
            .is_some_and(|board| board.path == at.path && board.reader.is_at(path))
        {
            return false;
        }
        let replaced = self.board.is_some();
        let reader = BoardReader::open(path).ok();
        self.board = reader.map(|reader| Board {
            path: at.path.clone(),
            reader,
            seen: at.generation,
            serial: BOARDS.fetch_add(1, Ordering::Relaxed) + 1,
            looked_at_ms: 0,
        });
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_worker_rests_longer_each_time_up_to_the_limit() {
        let options = crate::api::settings::defaults();
        let now = Instant::now();
        let mut health = Health::default();
        assert!(!health.is_resting(now));
        health.failed(now, &options, 0.0);
        assert_eq!(health.rest(now), options.backoff);
        health.failed(now, &options, 0.0);
        assert_eq!(health.rest(now), options.backoff * 2);
        for _ in 0..40 {
            health.failed(now, &options, 0.0);
        }
        assert_eq!(health.rest(now), options.backoff_max);
        health.failed(now, &options, 1.0);
        assert_eq!(health.rest(now), options.backoff_max / 2);
        health.succeeded();
        assert!(!health.is_resting(now));
    }
}
