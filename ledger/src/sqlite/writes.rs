//! Changes, within a transaction.

use super::failure::failed;
use crate::{Change, Error, Misuse};
use rusqlite::types::Value;
use rusqlite::{Connection, ToSql, params};

/// Parts up to this length stand in their entry's row.
const INLINE_BYTES_MAX: usize = 512;

/// What a batch does to the sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) last_seq: u64,
    /// What the file itself knows of `last_seq`, for when the entry that shows it is gone.
    pub(super) kept_seq: u64,
}

/// Applies a batch; the sequence it returns holds when the transaction is committed.
pub(super) fn apply(
    connection: &Connection,
    changes: &[Change],
    sequence: Sequence,
) -> Result<Sequence, Error> {
    let mut batch = Batch { connection, sequence, removed_seq: 0 };
    for change in changes {
        batch.apply(change)?;
    }
    batch.keep_sequence()?;
    Ok(batch.sequence)
}

struct Batch<'a> {
    connection: &'a Connection,
    sequence: Sequence,
    /// The highest that was removed.
    removed_seq: u64,
}

impl Batch<'_> {
    fn apply(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Insert { seq, state, head, body } => self.insert(*seq, *state, head, body),
            Change::Update { seq, state, head, tail: None } => self.update(*seq, *state, head),
            Change::Update { seq, state, head, tail: Some(tail) } => {
                self.update_with_tail(*seq, *state, head, tail)
            }
            Change::Remove { seq } => self.remove(*seq),
            Change::SetFact { kind, key, value } => {
                self.run(
                    "REPLACE INTO facts (kind, key, value) VALUES (?1, ?2, ?3)",
                    params![kind, key, value],
                )?;
                Ok(())
            }
            Change::RemoveFact { kind, key } => {
                self.run("DELETE FROM facts WHERE kind = ?1 AND key = ?2", params![kind, key])?;
                Ok(())
            }
        }
    }

    fn insert(&mut self, seq: u64, state: u8, head: &[u8], body: &[u8]) -> Result<(), Error> {
        let last_seq = self.sequence.last_seq;
        if seq <= last_seq {
            return Err(Misuse::NotAscending { seq, last_seq }.into());
        }
        self.sequence.last_seq = seq;
        let sql = "INSERT INTO entries (seq, state, head, body) VALUES (?1, ?2, ?3, ?4)";
        if body.len() <= INLINE_BYTES_MAX {
            self.run(sql, params![seq, state, head, body])?;
        } else {
            self.run(sql, params![seq, state, head, APART])?;
            self.run("INSERT INTO bodies (seq, body) VALUES (?1, ?2)", params![seq, body])?;
        }
        Ok(())
    }

    fn update(&self, seq: u64, state: u8, head: &[u8]) -> Result<(), Error> {
        let sql = "UPDATE entries SET state = ?2, head = ?3 WHERE seq = ?1";
        found(seq, self.run(sql, params![seq, state, head])?)
    }

    fn update_with_tail(&self, seq: u64, state: u8, head: &[u8], tail: &[u8]) -> Result<(), Error> {
        let sql = "UPDATE entries SET state = ?2, head = ?3, tail = ?4 WHERE seq = ?1";
        if tail.len() <= INLINE_BYTES_MAX {
            found(seq, self.run(sql, params![seq, state, head, tail])?)?;
            self.run("DELETE FROM tails WHERE seq = ?1", params![seq])?;
        } else {
            found(seq, self.run(sql, params![seq, state, head, APART])?)?;
            self.run("REPLACE INTO tails (seq, tail) VALUES (?1, ?2)", params![seq, tail])?;
        }
        Ok(())
    }

    fn remove(&mut self, seq: u64) -> Result<(), Error> {
        found(seq, self.run("DELETE FROM entries WHERE seq = ?1", params![seq])?)?;
        self.run("DELETE FROM bodies WHERE seq = ?1", params![seq])?;
        self.run("DELETE FROM tails WHERE seq = ?1", params![seq])?;
        self.removed_seq = self.removed_seq.max(seq);
        Ok(())
    }

    /// `last_seq` follows from the entries until the highest of them goes: only then it is written, so
    /// that an insert changes one page.
    fn keep_sequence(&mut self) -> Result<(), Error> {
        let Sequence { last_seq, kept_seq } = self.sequence;
        if self.removed_seq > kept_seq {
            self.run("UPDATE ledger SET last_seq = ?1", params![last_seq])?;
            self.sequence.kept_seq = last_seq;
        }
        Ok(())
    }

    fn run(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<usize, Error> {
        let done = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters));
        done.map_err(failed("write the changes", self.connection))
    }
}

/// Stands in the row of a part that is apart.
const APART: Value = Value::Integer(1);

fn found(seq: u64, rows: usize) -> Result<(), Error> {
    if rows == 0 { Err(Misuse::NoEntry { seq }.into()) } else { Ok(()) }
}
