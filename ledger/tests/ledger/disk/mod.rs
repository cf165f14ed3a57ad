//! A simulated disk under SQLite. It knows of each file what was synced and what was only written, can
//! lose power at any operation, and fails when told.

mod file;
mod methods;
mod state;
mod vfs;

use ledger::testing::Rng;
use ledger::{Error, Local};
use state::State;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So small that most runs go through the log several times.
const LOG_BYTES: u64 = 64 << 10;

pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    vfs: vfs::Registered,
}

/// What fails, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) operation: Operation,
    pub(crate) how: How,
    /// How many such operations still work.
    pub(crate) after: u64,
    /// How many then fail.
    pub(crate) times: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Write,
    Sync,
    Truncate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// The device failed.
    Io,
    /// There is no room.
    Full,
    /// There is no room after a part of it.
    Short,
}

/// What ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process: what it had written is in the page cache.
    Kill,
    /// The machine: of what was not synced any part may be left.
    Power,
}

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        let state = Arc::new(Mutex::new(State::new(Rng::new(seed))));
        let vfs = vfs::Registered::new(Arc::clone(&state));
        Self { state, vfs }
    }

    pub(crate) fn open(&self) -> Result<Local, Error> {
        Local::open_on(Path::new("/jobs.db"), self.vfs.name(), LOG_BYTES)
    }

    /// Another program's connection.
    pub(crate) fn connect(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::default();
        rusqlite::Connection::open_with_flags_and_vfs("/jobs.db", flags, self.vfs.name())
            .expect("a connection")
    }

    /// Writes, syncs, truncations and removals so far.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// After so many more of them nothing works any more; the last one may have its effect.
    pub(crate) fn end_after(&self, operations: u64) {
        let mut state = self.state();
        state.end_at = Some(state.operations + operations);
    }

    pub(crate) fn end_now(&self) {
        self.state().ended = true;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Another program begins a checkpoint of an open ledger, or ends it.
    pub(crate) fn take_checkpoints(&self, is_taken: bool) {
        self.state().take_checkpoints(is_taken);
    }

    pub(crate) fn repair(&self) {
        self.state().fault = None;
    }

    /// Whether the last fault was met.
    pub(crate) fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// The next start, after every connection was dropped.
    pub(crate) fn restart(&self, after: End) {
        self.state().restart(after);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
