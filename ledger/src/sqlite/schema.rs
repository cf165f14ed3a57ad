//! Tables and settings of the file.

use super::failure::{failed, not_opened};
use super::log::PAGE_BYTES;
use crate::{Error, TAG_MAX};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use std::time::Duration;

/// "ASLg": what `file` shows, and what tells a ledger from other databases.
const APPLICATION_ID: u32 = 0x4153_4c67;
const FORMAT: u32 = 2;

/// Parts above some 512 bytes are apart, so that a change of state does not write them again, and a
/// scan does not read them. In their place stands an integer.
///
/// No table has a second index: the owner has what it needs in memory.
const TABLES: &str = "
    CREATE TABLE entries (seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, head BLOB NOT NULL, body NOT NULL, tail);
    CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE tails (seq INTEGER PRIMARY KEY, tail BLOB NOT NULL);
    CREATE TABLE facts (kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
    CREATE TABLE ledger (tag INTEGER NOT NULL, last_seq INTEGER NOT NULL, moved INTEGER NOT NULL, key INTEGER NOT NULL);
";

/// What format 1 lacks: it had no log of commits.
const FROM_1: &str = "
    ALTER TABLE ledger ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN key INTEGER NOT NULL DEFAULT 0;
";

/// What the file says of itself.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) tag: u16,
    /// What tells its log of commits from others.
    pub(super) key: u64,
    /// The highest number that was ever used.
    pub(super) last_seq: u64,
    /// The last commit of which it has the changes.
    pub(super) moved: u64,
}

/// Brings a connection's file into shape and reads its header; makes the tables if it is new. `drawn` is a
/// random number.
pub(super) fn open(
    connection: &Connection,
    path: &Path,
    log_bytes: u64,
    drawn: u64,
) -> Result<Header, Error> {
    match kind(connection).map_err(|error| not_opened(path, error))? {
        Kind::Ledger(found) if found > FORMAT => {
            return Err(Error::Newer { found, known: FORMAT });
        }
        Kind::Foreign => return Err(Error::Foreign { path: path.to_owned() }),
        Kind::Ledger(found) => {
            let settled = settings(connection, log_bytes);
            settled.map_err(failed("open the ledger", connection))?;
            if found < FORMAT {
                upgrade(connection, drawn).map_err(failed("upgrade the ledger", connection))?;
            }
        }
        Kind::New => {
            create(connection, log_bytes, drawn).map_err(failed("make the ledger", connection))?;
        }
    }
    header(connection)
        .map_err(failed("read the ledger", connection))?
        .ok_or_else(|| Error::Corrupt { message: "its header is missing".into() })
}

enum Kind {
    New,
    Ledger(u32),
    Foreign,
}

fn kind(connection: &Connection) -> rusqlite::Result<Kind> {
    // Both are signed, and other programs' may be negative.
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (id, u32::try_from(version), tables) {
        (id, Ok(format), _) if id == i64::from(APPLICATION_ID) => Kind::Ledger(format),
        (0, Ok(0), 0) => Kind::New,
        _ => Kind::Foreign,
    })
}

fn create(connection: &Connection, log_bytes: u64, drawn: u64) -> rusqlite::Result<()> {
    // Both are fixed by the first page that is written, which `journal_mode` does.
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL;"
    ))?;
    settings(connection, log_bytes)?;
    let (tag, key) = (drawn & u64::from(TAG_MAX), stored(drawn));
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         {TABLES}
         INSERT INTO ledger (tag, last_seq, moved, key) VALUES ({tag}, 0, 0, {key});
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {FORMAT};
         COMMIT"
    ))
}

fn upgrade(connection: &Connection, drawn: u64) -> rusqlite::Result<()> {
    let key = stored(drawn);
    let done = connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         {FROM_1}
         UPDATE ledger SET key = {key};
         PRAGMA user_version = {FORMAT};
         COMMIT"
    ));
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

/// SQLite's integers are signed.
fn stored(drawn: u64) -> i64 {
    i64::from_ne_bytes(drawn.to_ne_bytes())
}

fn settings(connection: &Connection, log_bytes: u64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = {log_bytes};
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = -16384;"
    ))?;
    reader_settings(connection)
}

pub(super) fn reader_settings(connection: &Connection) -> rusqlite::Result<()> {
    // Only programs that do not belong here can be in the way.
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;",
    )
}

fn header(connection: &Connection) -> rusqlite::Result<Option<Header>> {
    let header = connection
        .query_row("SELECT tag, last_seq, moved, key FROM ledger", [], |row| {
            let key: i64 = row.get(3)?;
            let key = u64::from_ne_bytes(key.to_ne_bytes());
            Ok(Header { tag: row.get(0)?, last_seq: row.get(1)?, moved: row.get(2)?, key })
        })
        .optional()?;
    let Some(mut header) = header else { return Ok(None) };
    // Format 1 wrote the highest number only when its entry went.
    let highest: Option<u64> =
        connection.query_row("SELECT max(seq) FROM entries", [], |row| row.get(0))?;
    header.last_seq = header.last_seq.max(highest.unwrap_or(0));
    Ok(Some(header))
}
