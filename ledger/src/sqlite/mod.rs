//! The ledger of one worker: one file of SQLite in WAL mode.
//!
//! One connection writes; readers have their own. Nobody else opens the file (`place`). Commits go to
//! the log with one `fdatasync`; what the log holds is copied into the database by `tidy`, or by a
//! commit that finds too much of it (`log`).

mod failure;
mod log;
mod place;
mod raw;
mod reads;
mod schema;
mod writes;

use crate::{Change, Error, Ledger, Moment, Reader, Size};
use failure::{failed, not_opened};
use log::{Log, PAGE_BYTES, Round};
use place::Place;
use reads::SqliteReader;
use rusqlite::Connection;
use rustix::rand::{GetRandomFlags, getrandom};
use std::path::Path;
use writes::{Sequence, apply};

/// What the log keeps on disk. A commit larger than that makes it longer, until the next round.
const LOG_BYTES: u64 = 8 << 20;
/// What one slice of `tidy` gives back.
const SHRINK_PAGES: u32 = 128;
/// Free pages that are kept, besides a part of the others: a queue that goes up and down uses them
/// again.
const SPARE_PAGES: u64 = 64;

/// A [`Ledger`] in a file. Dropping it copies the log into the file.
#[derive(Debug)]
pub struct Sqlite {
    // In the order in which they must be dropped.
    reads: SqliteReader,
    log: Log,
    place: Place,
    tag: u16,
    sequence: Sequence,
    /// When a failed commit began that could not be taken back yet.
    unsettled: Option<Round>,
    /// Whether pages may have come free since the file was last found to have few free ones.
    loosened: bool,
}

impl Sqlite {
    /// Opens the ledger at `path`, makes it if it does not exist, and recovers it if need be. The
    /// folder must exist. Beside the file are its log (`-wal`), the log's index (`-shm`), and `-lock`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::at(Place::take(path)?, LOG_BYTES)
    }

    /// On another VFS of SQLite than its own, by name, and with a log of another size: the crash
    /// suite's disk.
    #[cfg(feature = "testing")]
    pub fn open_on(path: &Path, vfs: &str, log_bytes: u64) -> Result<Self, Error> {
        Self::at(Place::on(path, vfs), log_bytes)
    }

    fn at(place: Place, log_bytes: u64) -> Result<Self, Error> {
        let connection = place.connect_writer().map_err(|error| not_opened(place.path(), error))?;
        let header = schema::open(&connection, place.path(), log_bytes, drawn_tag())?;
        let log = Log::new(&connection, log_bytes)?;
        let sequence = Sequence { last_seq: header.last_seq, kept_seq: header.kept_seq };
        let reads = SqliteReader::new(connection, log.gate());
        Ok(Self { reads, log, place, tag: header.tag, sequence, unsettled: None, loosened: true })
    }

    fn connection(&self) -> &Connection {
        &self.reads.connection
    }

    /// Runs one transaction, and takes it back if it fails.
    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.settle()?;
        self.log.make_room(&self.reads.connection)?;
        let before = self.log.round(self.connection())?;
        let result = execute(self.connection(), "BEGIN IMMEDIATE")
            .and_then(|()| work(self.connection()))
            .and_then(|done| execute(self.connection(), "COMMIT").map(|()| done));
        result.map_err(|error| self.taken_back(before, error))
    }

    /// After an error: nothing of the transaction is seen, nor can it come back.
    fn taken_back(&mut self, before: Round, error: Error) -> Error {
        // Nothing of it was to be committed, so there is nothing that could come back.
        if matches!(error, Error::Misuse(_)) && execute(self.connection(), "ROLLBACK").is_ok() {
            return error;
        }
        self.unsettled = Some(before);
        match self.settle() {
            Ok(()) => error,
            Err(unsettled) => unsettled,
        }
    }

    fn settle(&mut self) -> Result<(), Error> {
        let Some(before) = self.unsettled else { return Ok(()) };
        let doing = "take back a commit that failed";
        if !self.connection().is_autocommit() {
            execute(self.connection(), "ROLLBACK").map_err(|error| error.unsettled(doing))?;
        }
        let voided = self.log.void(&self.reads.connection, before);
        voided.map_err(|error| error.unsettled(doing))?;
        self.unsettled = None;
        Ok(())
    }

    /// Gives back some pages at the end of the file; says whether there are more.
    fn shrink(&mut self) -> Result<bool, Error> {
        if !self.pages()?.is_worth_shrinking() {
            return Ok(false);
        }
        self.transaction(|connection| {
            vacuum(connection).map_err(failed("give free space back", connection))
        })?;
        Ok(self.pages()?.is_worth_shrinking())
    }

    fn pages(&self) -> Result<Pages, Error> {
        let connection = self.connection();
        let count = |sql| {
            let statement = connection.prepare_cached(sql);
            let count = statement.and_then(|mut query| query.query_row([], |row| row.get(0)));
            count.map_err(failed("measure the ledger", connection))
        };
        Ok(Pages { all: count("PRAGMA page_count")?, free: count("PRAGMA freelist_count")? })
    }
}

impl Ledger for Sqlite {
    fn tag(&self) -> u16 {
        self.tag
    }

    fn last_seq(&self) -> u64 {
        self.sequence.last_seq
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), Error> {
        changes.iter().try_for_each(Change::check)?;
        if changes.is_empty() {
            return Ok(());
        }
        let sequence = self.sequence;
        self.loosened |= changes.iter().any(|change| !matches!(change, Change::Insert { .. }));
        self.sequence = self.transaction(|connection| apply(connection, changes, sequence))?;
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(SqliteReader::open(&self.place, self.log.gate())?))
    }

    fn read(&self) -> &dyn Reader {
        &self.reads
    }

    fn moment(&self) -> Moment<'_> {
        self.reads.begin_moment()
    }

    fn tidy(&mut self) -> Result<bool, Error> {
        self.settle()?;
        let copied = self.log.tidy(&self.reads.connection)?;
        // Entries that are only added free nothing, and most rounds of a queue that fills do nothing else.
        if self.loosened {
            self.loosened = self.shrink()?;
        }
        Ok(self.loosened || copied)
    }

    fn size(&self) -> Result<Size, Error> {
        let Pages { all, free } = self.pages()?;
        let log_bytes = self.log.bytes(self.connection())?;
        let (live_bytes, file_bytes) = ((all - free) * PAGE_BYTES, all * PAGE_BYTES);
        Ok(Size { live_bytes, file_bytes, log_bytes })
    }
}

struct Pages {
    all: u64,
    free: u64,
}

impl Pages {
    fn is_worth_shrinking(&self) -> bool {
        self.free > SPARE_PAGES + (self.all - self.free) / 16
    }
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Error> {
    let statement = connection.prepare_cached(sql);
    let done = statement.and_then(|mut statement| statement.execute([]));
    done.map(|_| ()).map_err(failed("commit", connection))
}

fn vacuum(connection: &Connection) -> rusqlite::Result<()> {
    let sql = format!("PRAGMA incremental_vacuum({SHRINK_PAGES})");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    // Each step gives back one page.
    while rows.next()?.is_some() {}
    Ok(())
}

fn drawn_tag() -> u16 {
    let mut bytes = [0; 2];
    // So few bytes cannot fail once the machine has booted; 0 is a tag like any other.
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    u16::from_ne_bytes(bytes)
}
