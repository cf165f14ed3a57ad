//! Changes that are to be committed together, readable before they are.

use crate::record::{Head, Tail, Unreadable};
use ledger::{Change, Reader};
use std::collections::HashMap;
use thiserror::Error;

#[derive(Debug, Default)]
pub(crate) struct Pending {
    changes: Vec<Change>,
    /// Entries that are inserted here: where.
    inserted: HashMap<u64, usize>,
    /// The last change of each entry: where.
    last: HashMap<u64, usize>,
    /// The last change of each that has a tail: where.
    tails: HashMap<u64, usize>,
}

/// Why a job could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// A job as it will stand after the commit.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) state: u8,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) tail: Tail,
}

impl Pending {
    pub(crate) fn push(&mut self, change: Change) {
        let at = self.changes.len();
        match &change {
            Change::Insert { seq, .. } => {
                self.inserted.insert(*seq, at);
                self.last.insert(*seq, at);
            }
            Change::Update { seq, tail, .. } => {
                self.last.insert(*seq, at);
                if tail.is_some() {
                    self.tails.insert(*seq, at);
                }
            }
            Change::Remove { seq } => {
                self.last.insert(*seq, at);
            }
            Change::SetFact { .. } | Change::RemoveFact { .. } => {}
        }
        self.changes.push(change);
    }

    pub(crate) fn take(&mut self) -> Vec<Change> {
        self.inserted.clear();
        self.last.clear();
        self.tails.clear();
        std::mem::take(&mut self.changes)
    }

    /// The job, if it is there.
    pub(crate) fn read(&self, seq: u64, reader: &dyn Reader) -> Result<Option<Stored>, ReadError> {
        match self.last.get(&seq).map(|at| &self.changes[*at]) {
            None => match reader.entry(seq)? {
                None => Ok(None),
                Some(entry) => Ok(Some(Stored {
                    state: entry.state,
                    head: Head::read(seq, &entry.head)?,
                    body: entry.body,
                    tail: Tail::read(entry.tail.as_deref()),
                })),
            },
            Some(Change::Insert { state, head, body, .. }) => Ok(Some(Stored {
                state: *state,
                head: Head::read(seq, head)?,
                body: body.clone(),
                tail: Tail::default(),
            })),
            Some(Change::Update { state, head, .. }) => {
                let (body, tail) = self.body_and_tail(seq, reader)?;
                Ok(Some(Stored { state: *state, head: Head::read(seq, head)?, body, tail }))
            }
            Some(_) => Ok(None),
        }
    }

    /// The body and the tail of one that was updated.
    fn body_and_tail(&self, seq: u64, reader: &dyn Reader) -> Result<(Vec<u8>, Tail), ReadError> {
        let committed = || -> Result<(Vec<u8>, Tail), ReadError> {
            let entry = reader.entry(seq)?;
            let tail = Tail::read(entry.as_ref().and_then(|entry| entry.tail.as_deref()));
            Ok((entry.map(|entry| entry.body).unwrap_or_default(), tail))
        };
        let (body, committed) = match self.inserted.get(&seq).map(|at| &self.changes[*at]) {
            Some(Change::Insert { body, .. }) => (body.clone(), Tail::default()),
            _ => committed()?,
        };
        match self.tails.get(&seq).map(|at| &self.changes[*at]) {
            Some(Change::Update { tail, .. }) => Ok((body, Tail::read(tail.as_deref()))),
            _ => Ok((body, committed)),
        }
    }
}
