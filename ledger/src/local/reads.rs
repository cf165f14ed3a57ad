//! Reads: what is recent, over what the database has.
//!
//! Each asks for what is recent first, holding the lock only so long, and the database afterwards. The
//! database changes by moves alone, of what was recent: what it has later is as true as what it had. Only
//! an entry of which one part is recent and the other is not must not be put together across a turn.

use super::recent::{Facts, Known, Recent, Rows};
use crate::sqlite::SqliteReader;
use crate::{EachFact, EachRow, Entry, Error, Reader, Row, States};
use std::borrow::Borrow;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// `B` has the connection to the database: the writer its own, each other reader one of its own.
#[derive(Debug)]
pub(super) struct Reads<B> {
    pub(super) recent: Arc<RwLock<Recent>>,
    pub(super) behind: B,
}

/// How much is taken of what is recent at once: little at first, for a caller that wants one row.
const SLICE_FIRST: usize = 16;
const SLICE_MAX: usize = 4096;

impl<B: Borrow<SqliteReader>> Reads<B> {
    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        // A writer that panics has changed a table or not; both can be read.
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behind(&self) -> &SqliteReader {
        self.behind.borrow()
    }

    /// One slice of a scan: what is recent, and what the database has up to `until`.
    fn scan_slice(
        &self,
        from: u64,
        until: Option<u64>,
        recent: Rows,
        states: States,
        each: &mut EachRow<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut recent = recent.into_iter().peekable();
        let mut flow = ControlFlow::Continue(());
        let tell = |seq: u64, row: Option<(u8, Vec<u8>)>, each: &mut EachRow<'_>| match row {
            Some((state, head)) if states.contains(state) => each(Row { seq, state, head: &head }),
            _ => ControlFlow::Continue(()),
        };
        self.behind().scan_until(from, until, states, &mut |row| {
            while let Some((seq, newer)) = recent.next_if(|(seq, _)| *seq <= row.seq) {
                flow = tell(seq, newer, each);
                if flow.is_break() || seq == row.seq {
                    return flow;
                }
            }
            flow = each(row);
            flow
        })?;
        for (seq, newer) in recent {
            if flow.is_continue() {
                flow = tell(seq, newer, each);
            }
        }
        Ok(flow)
    }

    fn facts_slice(
        &self,
        kind: u8,
        (from, until): (&[u8], Option<&[u8]>),
        recent: Facts,
        each: &mut EachFact<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut recent = recent.into_iter().peekable();
        let mut flow = ControlFlow::Continue(());
        let tell = |key: &[u8], value: Option<Vec<u8>>, each: &mut EachFact<'_>| match value {
            Some(value) => each(key, &value),
            None => ControlFlow::Continue(()),
        };
        self.behind().facts_until(kind, from, until, &mut |key, value| {
            while let Some((newer, newer_value)) = recent.next_if(|(newer, _)| **newer <= *key) {
                flow = tell(&newer, newer_value, each);
                if flow.is_break() || newer == key {
                    return flow;
                }
            }
            flow = each(key, value);
            flow
        })?;
        for (key, value) in recent {
            if flow.is_continue() {
                flow = tell(&key, value, each);
            }
        }
        Ok(flow)
    }
}

impl<B: Borrow<SqliteReader> + Send> Reader for Reads<B> {
    fn scan(&self, from: u64, states: States, each: &mut EachRow<'_>) -> Result<(), Error> {
        let (mut next, mut rows_max) = (Some(from), SLICE_FIRST);
        while let Some(from) = next {
            let (rows, rest) = self.recent().rows(from, rows_max);
            if self.scan_slice(from, rest, rows, states, each)?.is_break() {
                break;
            }
            (next, rows_max) = (rest, (rows_max * 4).min(SLICE_MAX));
        }
        Ok(())
    }

    fn entry(&self, seq: u64) -> Result<Option<Entry>, Error> {
        loop {
            let (turns, known) = {
                let recent = self.recent();
                (recent.turns, recent.entry(seq))
            };
            let (state, head, tail) = match known {
                Known::Whole(entry) => return Ok(Some(entry)),
                Known::Gone => return Ok(None),
                Known::Nothing => return self.behind().entry(seq),
                Known::Changed { state, head, tail } => (state, head, tail),
            };
            let behind = self.behind().entry(seq)?;
            if self.recent().turns == turns {
                let whole =
                    |old: Entry| Entry { state, head, body: old.body, tail: tail.or(old.tail) };
                return Ok(behind.map(whole));
            }
        }
    }

    fn facts_from(&self, kind: u8, from: &[u8], each: &mut EachFact<'_>) -> Result<(), Error> {
        let (mut next, mut facts_max) = (Some(from.to_vec()), SLICE_FIRST);
        while let Some(from) = next {
            let (facts, rest) = self.recent().facts(kind, &from, facts_max);
            let range = (&*from, rest.as_deref());
            if self.facts_slice(kind, range, facts, each)?.is_break() {
                break;
            }
            (next, facts_max) = (rest, (facts_max * 4).min(SLICE_MAX));
        }
        Ok(())
    }

    fn fact(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let recent = self.recent().fact(kind, key);
        recent.map_or_else(|| self.behind().fact(kind, key), Ok)
    }
}
