//! What is moved into the database, within a transaction.

use super::Sqlite;
use super::failure::failed;
use crate::{Entry, Error};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{ToSql, params};

/// Parts up to this length stand in their entry's row.
const INLINE_BYTES_MAX: usize = 512;

impl Sqlite {
    /// An entry that is not there.
    pub(crate) fn put_new(&mut self, seq: u64, entry: &Entry) -> Result<(), Error> {
        let Entry { state, head, body, tail } = entry;
        let tail = tail.as_deref();
        let (body_here, tail_here) = (Inline::of(body), tail.map(Inline::of));
        self.run(
            "INSERT INTO entries (seq, state, head, body, tail) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![seq, state, head, body_here, tail_here],
        )?;
        if body_here == Inline::Apart {
            self.run("INSERT INTO bodies (seq, body) VALUES (?1, ?2)", params![seq, body])?;
        }
        match tail.filter(|_| tail_here == Some(Inline::Apart)) {
            Some(tail) => {
                self.run("INSERT INTO tails (seq, tail) VALUES (?1, ?2)", params![seq, tail])
            }
            None => Ok(()),
        }
    }

    /// State and head of an entry, and its tail where one is given.
    pub(crate) fn put_changed(
        &mut self,
        seq: u64,
        state: u8,
        head: &[u8],
        tail: Option<&[u8]>,
    ) -> Result<(), Error> {
        let Some(tail) = tail else {
            let sql = "UPDATE entries SET state = ?2, head = ?3 WHERE seq = ?1";
            return self.run(sql, params![seq, state, head]);
        };
        let here = Inline::of(tail);
        let sql = "UPDATE entries SET state = ?2, head = ?3, tail = ?4 WHERE seq = ?1";
        self.run(sql, params![seq, state, head, here])?;
        match here {
            Inline::Here(_) => self.run("DELETE FROM tails WHERE seq = ?1", params![seq]),
            Inline::Apart => {
                self.run("REPLACE INTO tails (seq, tail) VALUES (?1, ?2)", params![seq, tail])
            }
        }
    }

    pub(crate) fn put_gone(&mut self, seq: u64) -> Result<(), Error> {
        self.loosened = true;
        self.run("DELETE FROM entries WHERE seq = ?1", params![seq])?;
        self.run("DELETE FROM bodies WHERE seq = ?1", params![seq])?;
        self.run("DELETE FROM tails WHERE seq = ?1", params![seq])
    }

    pub(crate) fn put_fact(&mut self, kind: u8, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.loosened = true;
        let sql = "REPLACE INTO facts (kind, key, value) VALUES (?1, ?2, ?3)";
        self.run(sql, params![kind, key, value])
    }

    pub(crate) fn put_no_fact(&mut self, kind: u8, key: &[u8]) -> Result<(), Error> {
        self.loosened = true;
        self.run("DELETE FROM facts WHERE kind = ?1 AND key = ?2", params![kind, key])
    }

    pub(super) fn put_header(&mut self, moved: u64, last_seq: u64) -> Result<(), Error> {
        self.run("UPDATE ledger SET moved = ?1, last_seq = ?2", params![moved, last_seq])
    }

    fn run(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<(), Error> {
        let connection = self.connection();
        let statement = connection.prepare_cached(sql);
        let done = statement.and_then(|mut statement| statement.execute(parameters));
        done.map(drop).map_err(failed("write the changes", connection))
    }
}

/// What stands in the row of an entry for one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inline<'a> {
    Here(&'a [u8]),
    Apart,
}

impl<'a> Inline<'a> {
    fn of(part: &'a [u8]) -> Self {
        if part.len() <= INLINE_BYTES_MAX { Self::Here(part) } else { Self::Apart }
    }
}

impl ToSql for Inline<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Here(part) => ToSqlOutput::Borrowed(ValueRef::Blob(part)),
            Self::Apart => ToSqlOutput::Owned(Value::Integer(1)),
        })
    }
}
