//! The database of a ledger: one file of SQLite in WAL mode.
//!
//! One connection writes; readers have their own. Nobody else opens the file (`place`). It changes by whole
//! moves of what was committed before, each in one transaction that also says up to which commit: one that
//! fails, or is lost, is made again. What its log holds is copied into the file by `tidy`, or when a move
//! finds too much of it (`log`).

mod failure;
mod log;
mod place;
mod raw;
mod reads;
mod schema;
mod writes;

pub(crate) use failure::failed_on_log;
pub(crate) use log::extend;
pub(crate) use place::Place;
pub(crate) use raw::{Code, checked, span};
pub(crate) use reads::SqliteReader;

use crate::{Error, Size};
use failure::{failed, not_opened};
use log::{Log, PAGE_BYTES};
use rusqlite::Connection;
use rustix::rand::{GetRandomFlags, getrandom};
use schema::Header;
use std::borrow::Borrow;

/// What the log keeps on disk. A move larger than that makes it longer, until the next round.
pub(crate) const LOG_BYTES: u64 = 8 << 20;
/// What one slice of `tidy` gives back.
const SHRINK_PAGES: u32 = 128;
/// Free pages that are kept, besides a part of the others: a queue that goes up and down uses them
/// again.
const SPARE_PAGES: u64 = 64;

/// Dropping it copies the log into the file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    // In the order in which they must be dropped.
    reads: SqliteReader,
    log: Log,
    place: Place,
    header: Header,
    /// Whether pages may have come free since the file was last found to have few free ones.
    loosened: bool,
}

impl Sqlite {
    /// Opens the database at a place, and makes it if it does not exist.
    pub(crate) fn at(place: Place, log_bytes: u64) -> Result<Self, Error> {
        let connection = place.connect_writer().map_err(|error| not_opened(place.path(), error))?;
        let header = schema::open(&connection, place.path(), log_bytes, drawn())?;
        let log = Log::new(&connection, log_bytes)?;
        let reads = SqliteReader::of_writer(connection, log.gate());
        Ok(Self { reads, log, place, header, loosened: true })
    }

    pub(crate) fn tag(&self) -> u16 {
        self.header.tag
    }

    /// Drawn at random when it was made.
    pub(crate) fn key(&self) -> u64 {
        self.header.key
    }

    /// The highest number that an entry ever had, of those that were moved.
    pub(crate) fn last_seq(&self) -> u64 {
        self.header.last_seq
    }

    /// The number of the last commit that was moved.
    pub(crate) fn moved(&self) -> u64 {
        self.header.moved
    }

    fn connection(&self) -> &Connection {
        &self.reads.connection
    }

    /// Begins a transaction, of which the writer's own reads see what was done so far.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        self.reads.let_go()?;
        self.log.make_room(&self.reads.connection)?;
        execute(self.connection(), "BEGIN IMMEDIATE")
    }

    /// Ends it: on disk is what was moved, up to this commit.
    pub(crate) fn end(&mut self, moved: u64, last_seq: u64) -> Result<(), Error> {
        self.put_header(moved, last_seq)?;
        execute(self.connection(), "COMMIT")?;
        (self.header.moved, self.header.last_seq) = (moved, last_seq);
        Ok(())
    }

    /// Takes back what was done since [`Sqlite::begin`].
    pub(crate) fn abandon(&mut self) {
        // What fails here is tried again before the next one begins.
        let _ = self.reads.let_go();
    }

    pub(crate) fn reader(&self) -> Result<SqliteReader, Error> {
        SqliteReader::open(&self.place, self.log.gate())
    }

    /// One slice of housekeeping; not within a transaction.
    pub(crate) fn tidy(&mut self) -> Result<bool, Error> {
        self.reads.let_go()?;
        let copied = self.log.tidy(&self.reads.connection)?;
        // Entries that are only added free nothing, and most rounds of a queue that fills do nothing else.
        if self.loosened {
            self.loosened = self.shrink()?;
        }
        Ok(self.loosened || copied)
    }

    pub(crate) fn size(&self) -> Result<Size, Error> {
        let Pages { all, free } = self.pages()?;
        let log_bytes = self.log.bytes(self.connection())?;
        let (live_bytes, file_bytes) = ((all - free) * PAGE_BYTES, all * PAGE_BYTES);
        Ok(Size { live_bytes, file_bytes, log_bytes })
    }

    /// Gives back some pages at the end of the file; says whether there are more.
    fn shrink(&mut self) -> Result<bool, Error> {
        if !self.pages()?.is_worth_shrinking() {
            return Ok(false);
        }
        self.begin()?;
        let given =
            vacuum(self.connection()).map_err(failed("give free space back", self.connection()));
        let done = given.and_then(|()| execute(self.connection(), "COMMIT"));
        if done.is_err() {
            self.abandon();
        }
        done?;
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

impl Borrow<SqliteReader> for Sqlite {
    fn borrow(&self) -> &SqliteReader {
        &self.reads
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

fn drawn() -> u64 {
    let mut bytes = [0; 8];
    // So few bytes cannot fail once the machine has booted; 0 is a number like any other.
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    u64::from_ne_bytes(bytes)
}
