//! The ledger of one worker, on its own disk: a log of commits, and a database of SQLite behind it.
//!
//! A commit is one record at the end of the log (`log`, `record`) and is then recent: in memory (`recent`),
//! where reads look first (`reads`). When a file of the log is full, its last word on each entry goes into
//! the database in one transaction (`moving`), bit by bit beside the commits of the other file. So what
//! comes and goes soon never gets there, and what a commit costs does not depend on how much there is.

mod file;
mod found;
mod log;
mod moving;
mod reads;
mod recent;
mod record;

use crate::sqlite::{Place, Sqlite, SqliteReader};
use crate::{Change, Error, Ledger, Misuse, Reader, Size};
use log::Log;
use moving::Moving;
use reads::Reads;
use recent::{Recent, Table};
use record::Key;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

/// Of each of the two files of the log. What is recent takes several times as much memory.
const LOG_BYTES: u64 = 2 << 20;
/// A log that cannot be moved takes so many times as much, before commits are refused.
const OVERFULL: u64 = 4;
/// What one slice of `tidy` moves.
const SLICE: usize = 64;
/// A commit moves so many times the part of what is frozen that it takes of the log: then a move ends before
/// the log turns again, whatever the sizes of either.
const PACE: u64 = 2;
/// So many removed entries are given back although the log is not full.
const GONE_MAX: usize = 64;

/// A [`Ledger`] in files. Dropping it moves everything into the database.
#[derive(Debug)]
pub struct Local {
    // The database is dropped last: it has the lock that keeps others away.
    log: Log,
    moving: Option<Moving>,
    /// A move failed: none is tried before the log has so many bytes, or nothing else is to be done.
    stuck_until: Option<u64>,
    last_seq: u64,
    reads: Reads<Sqlite>,
}

impl Local {
    /// Opens the ledger at `path`, makes it if it does not exist, and recovers it if need be. The folder
    /// must exist. Beside the database are the log of commits (`-log0`, `-log1`), what SQLite needs (`-wal`,
    /// `-shm`), and `-lock`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::at(Place::take(path)?, LOG_BYTES, crate::sqlite::LOG_BYTES)
    }

    /// On another VFS of SQLite than its own, by name, and with logs of another size: the crash suite's
    /// disk.
    #[cfg(feature = "testing")]
    pub fn open_on(path: &Path, vfs: &str, log_bytes: u64) -> Result<Self, Error> {
        Self::at(Place::on(path, vfs), log_bytes, log_bytes)
    }

    /// Moves everything that is recent, for tests of what happens to the database.
    #[cfg(feature = "testing")]
    pub fn move_now(&mut self) -> Result<(), Error> {
        self.move_all()?;
        self.turn()?;
        self.move_all()
    }

    fn at(place: Place, log_bytes: u64, database_log_bytes: u64) -> Result<Self, Error> {
        let (path, vfs) = (place.path().to_owned(), place.vfs().map(str::to_owned));
        let database = Sqlite::at(place, database_log_bytes)?;
        let (key, moved) = (Key::of(database.key()), database.moved());
        let (log, found) = Log::open(&path, vfs.as_deref(), log_bytes, key, moved)?;
        let frozen_last = moved + found.frozen.len() as u64;
        let frozen_seq = last_inserted(&found.frozen).unwrap_or(database.last_seq());
        let last_seq = last_inserted(&found.active).unwrap_or(frozen_seq);
        let mut recent = Recent { active: Table::of(&found.active), ..Recent::default() };
        let moving = (frozen_last > moved).then(|| {
            let frozen = Arc::new(Table::of(&found.frozen));
            recent.frozen = Some(Arc::clone(&frozen));
            Moving::new(frozen, frozen_last, frozen_seq)
        });
        let reads = Reads { recent: Arc::new(RwLock::new(recent)), behind: database };
        Ok(Self { log, moving, stuck_until: None, last_seq, reads })
    }

    fn recent(&self) -> RwLockWriteGuard<'_, Recent> {
        self.reads.recent.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all changes can be applied, one after the other; the last sequence number then.
    fn check(&self, changes: &[Change]) -> Result<u64, Error> {
        let mut last_seq = self.last_seq;
        let (mut inserted, mut removed) = (Vec::new(), BTreeSet::new());
        for change in changes {
            change.check()?;
            match change {
                Change::Insert { seq, .. } if *seq <= last_seq => {
                    return Err(Misuse::NotAscending { seq: *seq, last_seq }.into());
                }
                Change::Insert { seq, .. } => {
                    last_seq = *seq;
                    inserted.push(*seq);
                }
                Change::Update { seq, .. } | Change::Remove { seq } => {
                    let is_there = !removed.contains(seq)
                        && (inserted.binary_search(seq).is_ok() || self.has(*seq)?);
                    if !is_there {
                        return Err(Misuse::NoEntry { seq: *seq }.into());
                    }
                    if matches!(change, Change::Remove { .. }) {
                        removed.insert(*seq);
                    }
                }
                Change::SetFact { .. } | Change::RemoveFact { .. } => {}
            }
        }
        Ok(last_seq)
    }

    fn has(&self, seq: u64) -> Result<bool, Error> {
        let recent = self.reads.recent.read().unwrap_or_else(PoisonError::into_inner).has(seq);
        recent.map_or_else(|| self.reads.behind().has(seq), Ok)
    }

    /// Before a record of so many bytes is written.
    fn make_room(&mut self, bytes: u64) -> Result<(), Error> {
        let (written, capacity) = (self.log.written_bytes(), self.log.capacity());
        if written == 0 || written + bytes <= capacity {
            return Ok(());
        }
        // That there is no way on for what is recent is no reason to refuse a commit: it may be the one that
        // removes something.
        let may_wait = written + bytes <= capacity * OVERFULL;
        if may_wait && self.stuck_until.is_some_and(|until| written < until) {
            return Ok(());
        }
        let turned = self.move_all().and_then(|()| self.turn());
        turned.or_else(|error| if may_wait { Ok(()) } else { Err(error) })
    }

    /// Everything that is recent is to be moved, and what is committed from now on is apart from it.
    fn turn(&mut self) -> Result<(), Error> {
        self.log.turn()?;
        let table = {
            let mut recent = self.recent();
            let table = Arc::new(std::mem::take(&mut recent.active));
            recent.frozen = Some(Arc::clone(&table));
            recent.turns += 1;
            table
        };
        self.moving = Some(Moving::new(table, self.log.number(), self.last_seq));
        Ok(())
    }

    /// Moves so much of what is frozen; says whether there is more.
    fn move_some(&mut self, count: usize) -> Result<bool, Error> {
        let Some(moving) = &mut self.moving else { return Ok(false) };
        match moving.step(&mut self.reads.behind, count) {
            Ok(is_all) => {
                self.stuck_until = None;
                if is_all {
                    self.moving = None;
                    self.recent().frozen = None;
                    self.log.cut();
                }
                Ok(!is_all)
            }
            Err(error) => {
                self.stuck_until = Some(self.log.written_bytes() + self.log.capacity() / 4);
                Err(error)
            }
        }
    }

    /// How much a commit of so many bytes moves.
    fn pace(&self, bytes: u64) -> usize {
        let frozen = self.moving.as_ref().map_or(0, Moving::count) as u64;
        let part = frozen.saturating_mul(bytes) / self.log.capacity();
        usize::try_from(PACE * part + 1).unwrap_or(usize::MAX)
    }

    fn move_all(&mut self) -> Result<(), Error> {
        while self.move_some(usize::MAX)? {}
        Ok(())
    }

    /// One step of moving what is recent, if it is worth it; whether there was one to do.
    fn tidy_recent(&mut self, is_worth: impl Fn(&Table) -> bool) -> Result<bool, Error> {
        self.log.settle()?;
        if self.moving.is_some() {
            self.move_some(SLICE)?;
            return Ok(true);
        }
        let is_worth = is_worth(&self.recent().active);
        if is_worth {
            self.turn()?;
        }
        Ok(is_worth)
    }
}

/// The highest number that these commits gave to an entry.
fn last_inserted(commits: &[Vec<Change>]) -> Option<u64> {
    commits.iter().flatten().rev().find_map(|change| match change {
        Change::Insert { seq, .. } => Some(*seq),
        _ => None,
    })
}

impl Ledger for Local {
    fn tag(&self) -> u16 {
        self.reads.behind.tag()
    }

    fn last_seq(&self) -> u64 {
        self.last_seq
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), Error> {
        let last_seq = self.check(changes)?;
        if changes.is_empty() {
            return Ok(());
        }
        self.log.settle()?;
        let bytes = self.log.prepare(changes)?;
        self.make_room(bytes)?;
        self.log.append()?;
        self.last_seq = last_seq;
        {
            let mut recent = self.recent();
            changes.iter().for_each(|change| recent.active.apply(change));
        }
        if self.stuck_until.is_none() {
            // It is committed, whatever becomes of this; a move that fails is told when the log is full,
            // or by `tidy`.
            let _ = self.move_some(self.pace(bytes));
        }
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Error> {
        let (recent, behind) = (Arc::clone(&self.reads.recent), self.reads.behind.reader()?);
        Ok(Box::new(Reads::<SqliteReader> { recent, behind }))
    }

    fn read(&self) -> &dyn Reader {
        &self.reads
    }

    fn tidy(&mut self) -> Result<bool, Error> {
        let more = self.tidy_recent(|recent| recent.gone >= GONE_MAX)?;
        Ok(more || self.reads.behind.tidy()?)
    }

    fn rest(&mut self) -> Result<bool, Error> {
        let more = self.tidy_recent(|recent| !recent.is_empty())?;
        Ok(more || self.reads.behind.tidy()?)
    }

    fn size(&self) -> Result<Size, Error> {
        let size = self.reads.behind.size()?;
        Ok(Size { log_bytes: size.log_bytes + self.log.bytes()?, ..size })
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // What cannot be moved is in the log, for the next one to find.
        let is_settled = self.log.settle().and_then(|()| self.move_all()).is_ok();
        let is_recent = !self.recent().active.is_empty();
        if is_settled && is_recent && self.turn().is_ok() {
            let _ = self.move_all();
        }
    }
}
