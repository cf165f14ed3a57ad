//! What is recent goes where it stays: slice by slice, in one transaction of the database.

use super::recent::{Slot, Table};
use crate::Error;
use crate::sqlite::Sqlite;
use std::ops::Bound;
use std::sync::Arc;

/// A frozen table on its way into the database.
#[derive(Debug)]
pub(super) struct Moving {
    table: Arc<Table>,
    /// Of the last commit that is in it.
    number: u64,
    /// Of the ledger, when it was frozen.
    last_seq: u64,
    at: At,
}

/// How far it has come.
#[derive(Debug, Clone)]
enum At {
    Start,
    /// Behind this entry.
    Entry(u64),
    /// All entries, and facts up to this one.
    Fact(Option<(u8, Vec<u8>)>),
}

impl Moving {
    pub(super) fn new(table: Arc<Table>, number: u64, last_seq: u64) -> Self {
        Self { table, number, last_seq, at: At::Start }
    }

    /// Of all entries and facts.
    pub(super) fn count(&self) -> usize {
        self.table.entries.len() + self.table.facts.len()
    }

    /// Moves so many entries or facts; says whether that was all, and is on disk. After an error it begins
    /// again, with nothing moved.
    pub(super) fn step(&mut self, database: &mut Sqlite, count: usize) -> Result<bool, Error> {
        let done = self.try_step(database, count);
        if done.is_err() {
            database.abandon();
            self.at = At::Start;
        }
        done
    }

    fn try_step(&mut self, database: &mut Sqlite, count: usize) -> Result<bool, Error> {
        if matches!(self.at, At::Start) {
            database.begin()?;
            self.at = At::Entry(0);
        }
        let table = Arc::clone(&self.table);
        let moved = self.move_entries(&table, database, count)?;
        if self.move_facts(&table, database, count - moved)? {
            database.end(self.number, self.last_seq)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn move_entries(
        &mut self,
        table: &Table,
        database: &mut Sqlite,
        count: usize,
    ) -> Result<usize, Error> {
        let At::Entry(last) = self.at else { return Ok(0) };
        let mut moved = 0;
        for (seq, slot) in table.entries.range(last + 1..).take(count) {
            match slot {
                Slot::New(entry) => database.put_new(*seq, entry)?,
                Slot::Changed { state, head, tail } => {
                    database.put_changed(*seq, *state, head, tail.as_deref())?;
                }
                Slot::Gone => database.put_gone(*seq)?,
            }
            self.at = At::Entry(*seq);
            moved += 1;
        }
        if moved < count {
            self.at = At::Fact(None);
        }
        Ok(moved)
    }

    /// Whether these were all.
    fn move_facts(
        &mut self,
        table: &Table,
        database: &mut Sqlite,
        count: usize,
    ) -> Result<bool, Error> {
        let At::Fact(last) = &mut self.at else { return Ok(false) };
        let begin = last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut moved = 0;
        let mut at = None;
        for (fact, value) in table.facts.range((begin, Bound::Unbounded)).take(count) {
            match value {
                Some(value) => database.put_fact(fact.0, &fact.1, value)?,
                None => database.put_no_fact(fact.0, &fact.1)?,
            }
            moved += 1;
            at = Some(fact);
        }
        if let Some(fact) = at {
            *last = Some(fact.clone());
        }
        Ok(moved < count)
    }
}
