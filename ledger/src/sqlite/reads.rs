//! Reads, by any connection.

use super::failure::{failed, not_opened};
use super::log::Gate;
use super::place::Place;
use super::schema::reader_settings;
use crate::{EachFact, EachRow, Entry, Error, Row, SEQ_MAX, States};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use std::ops::Range;
use std::sync::PoisonError;

#[derive(Debug)]
pub(crate) struct SqliteReader {
    pub(super) connection: Connection,
    gate: Gate,
    /// Reads are of one transaction until they let go. For the writer's own, beside which nothing changes:
    /// each statement for itself asks the kernel for a lock and gives it back.
    holds: bool,
}

impl SqliteReader {
    pub(super) fn open(place: &Place, gate: Gate) -> Result<Self, Error> {
        let connection = place.connect_reader().map_err(|error| not_opened(place.path(), error))?;
        reader_settings(&connection).map_err(failed("open a reader", &connection))?;
        Ok(Self { connection, gate, holds: false })
    }

    pub(super) fn of_writer(connection: Connection, gate: Gate) -> Self {
        Self { connection, gate, holds: true }
    }

    /// Ends the transaction that there may be.
    pub(super) fn let_go(&self) -> Result<(), Error> {
        match self.connection.is_autocommit() {
            true => Ok(()),
            false => self.execute("end a transaction", "ROLLBACK"),
        }
    }

    fn execute(&self, doing: &'static str, sql: &str) -> Result<(), Error> {
        let statement = self.connection.prepare_cached(sql);
        let done = statement.and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(failed(doing, &self.connection))
    }

    /// One statement, and so one moment of the ledger.
    fn run<T>(
        &self,
        doing: &'static str,
        sql: &str,
        query: impl FnOnce(&mut CachedStatement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let _reading = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if self.holds && self.connection.is_autocommit() {
            self.execute(doing, "BEGIN")?;
        }
        let statement = self.connection.prepare_cached(sql);
        let result = statement.and_then(|mut statement| query(&mut statement));
        result.map_err(failed(doing, &self.connection))
    }
}

/// As [`Reader`](crate::Reader) says.
impl SqliteReader {
    /// Entries below `until`, where one is given.
    pub(crate) fn scan_until(
        &self,
        from: u64,
        until: Option<u64>,
        states: States,
        each: &mut EachRow<'_>,
    ) -> Result<(), Error> {
        let until = until.unwrap_or(SEQ_MAX + 1);
        let mut slice = Slice::default();
        let mut next = Some(from);
        while let Some(from) = next.filter(|from| *from < until) {
            let range = (from, until - 1);
            next = self
                .run("scan the entries", SCAN, |statement| slice.read(statement, range, states))?;
            for (seq, state, head) in &slice.rows {
                let row = Row { seq: *seq, state: *state, head: &slice.bytes[head.clone()] };
                if each(row).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn entry(&self, seq: u64) -> Result<Option<Entry>, Error> {
        if seq > SEQ_MAX {
            return Ok(None);
        }
        self.run("read an entry", ENTRY, |statement| {
            let entry = statement.query_row([seq], |row| {
                let (state, head, body, tail) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(Entry { state, head, body, tail })
            });
            entry.optional()
        })
    }

    pub(crate) fn has(&self, seq: u64) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM entries WHERE seq = ?1";
        seq.try_into().map_or(Ok(false), |seq: i64| {
            self.run("look for an entry", sql, |statement| statement.exists([seq]))
        })
    }

    /// Facts of one kind whose keys are below `until`, where one is given.
    pub(crate) fn facts_until(
        &self,
        kind: u8,
        from: &[u8],
        until: Option<&[u8]>,
        each: &mut EachFact<'_>,
    ) -> Result<(), Error> {
        let sql = if until.is_some() { FACTS_UNTIL } else { FACTS };
        let mut next = Some(from.to_vec());
        while let Some(from) = next {
            let (facts, rest) =
                self.run("read facts", sql, |statement| some_facts(statement, kind, &from, until))?;
            for (key, value) in &facts {
                if each(key, value).is_break() {
                    return Ok(());
                }
            }
            next = rest;
        }
        Ok(())
    }

    pub(crate) fn fact(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT value FROM facts WHERE kind = ?1 AND key = ?2";
        self.run("read a fact", sql, |statement| {
            statement.query_row(params![kind, key], |row| row.get(0)).optional()
        })
    }
}

const SCAN: &str = "SELECT seq, state, head FROM entries WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq";
const ENTRY: &str = "
    SELECT state, head,
        CASE typeof(body) WHEN 'integer' THEN (SELECT body FROM bodies WHERE seq = ?1) ELSE body END,
        CASE typeof(tail) WHEN 'integer' THEN (SELECT tail FROM tails WHERE seq = ?1) ELSE tail END
    FROM entries WHERE seq = ?1";
const FACTS: &str = "SELECT key, value FROM facts WHERE kind = ?1 AND key >= ?2 ORDER BY key";
const FACTS_UNTIL: &str =
    "SELECT key, value FROM facts WHERE kind = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";

/// How much is read at once. While a statement runs, it keeps the log from beginning again.
const SLICE_ROWS_MAX: usize = 4096;
const SLICE_BYTES_MAX: usize = 1 << 20;

/// Some rows of a scan, copied, so that the callback runs while nothing is held.
#[derive(Default)]
struct Slice {
    rows: Vec<(u64, u8, Range<usize>)>,
    bytes: Vec<u8>,
}

impl Slice {
    /// Says where the next one begins, if there is more.
    fn read(
        &mut self,
        statement: &mut CachedStatement<'_>,
        (from, last): (u64, u64),
        states: States,
    ) -> rusqlite::Result<Option<u64>> {
        // Small at first: a caller that wants one row does not pay for thousands.
        let rows_max = (self.rows.len() * 4).clamp(16, SLICE_ROWS_MAX);
        self.rows.clear();
        self.bytes.clear();
        let mut seen = 0;
        let mut rows = statement.query([from, last])?;
        while let Some(row) = rows.next()? {
            let seq = row.get(0)?;
            if seen == SLICE_ROWS_MAX
                || self.rows.len() == rows_max
                || self.bytes.len() >= SLICE_BYTES_MAX
            {
                return Ok(Some(seq));
            }
            seen += 1;
            let state = row.get(1)?;
            if states.contains(state) {
                let begin = self.bytes.len();
                self.bytes.extend_from_slice(row.get_ref(2)?.as_blob()?);
                self.rows.push((seq, state, begin..self.bytes.len()));
            }
        }
        Ok(None)
    }
}

type Facts = Vec<(Vec<u8>, Vec<u8>)>;

/// Facts from one key on, and the key of the first one that is left.
fn some_facts(
    statement: &mut CachedStatement<'_>,
    kind: u8,
    from: &[u8],
    until: Option<&[u8]>,
) -> rusqlite::Result<(Facts, Option<Vec<u8>>)> {
    let mut facts: Facts = Vec::new();
    let mut bytes = 0;
    let mut rows = match until {
        Some(until) => statement.query(params![kind, from, until])?,
        None => statement.query(params![kind, from])?,
    };
    while let Some(row) = rows.next()? {
        let key: Vec<u8> = row.get(0)?;
        if facts.len() == SLICE_ROWS_MAX || bytes >= SLICE_BYTES_MAX {
            return Ok((facts, Some(key)));
        }
        let value: Vec<u8> = row.get(1)?;
        bytes += key.len() + value.len();
        facts.push((key, value));
    }
    Ok((facts, None))
}
