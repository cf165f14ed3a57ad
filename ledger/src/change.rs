//! What a commit consists of, and its limits.

use crate::entry::checked_state;
use crate::{Error, Misuse};

/// The highest tag of a ledger: 12 bits.
pub const TAG_MAX: u16 = 0xfff;
/// The highest sequence number.
pub const SEQ_MAX: u64 = i64::MAX as u64;
/// Heads are what a scan reads, so they are meant to be small; those above 2 KiB cost it more.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Of a body, a tail, or the value of a fact.
pub const PART_BYTES_MAX: usize = 256 << 20;
pub const KEY_BYTES_MAX: usize = 1 << 10;

/// One step of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new entry. `seq` is above every one that was inserted before, in this ledger's whole life.
    Insert {
        seq: u64,
        state: u8,
        head: Vec<u8>,
        body: Vec<u8>,
    },
    /// State and head of an entry are replaced, its tail where one is given, its body never.
    Update {
        seq: u64,
        state: u8,
        head: Vec<u8>,
        tail: Option<Vec<u8>>,
    },
    Remove {
        seq: u64,
    },
    /// A fact is known by its kind and key; a new value replaces the old one.
    SetFact {
        kind: u8,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    /// It need not exist.
    RemoveFact {
        kind: u8,
        key: Vec<u8>,
    },
}

impl Change {
    /// Checks what can be told without looking at the ledger.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Insert { seq, state, head, body } => {
                if !(1..=SEQ_MAX).contains(seq) {
                    return Err(Misuse::Seq { seq: *seq }.into());
                }
                checked_state(*state)?;
                within("head", head.len(), HEAD_BYTES_MAX)?;
                within("body", body.len(), PART_BYTES_MAX)
            }
            Self::Update { state, head, tail, .. } => {
                checked_state(*state)?;
                within("head", head.len(), HEAD_BYTES_MAX)?;
                within("tail", tail.as_ref().map_or(0, Vec::len), PART_BYTES_MAX)
            }
            Self::Remove { .. } => Ok(()),
            Self::SetFact { key, value, .. } => {
                within("key", key.len(), KEY_BYTES_MAX)?;
                within("value", value.len(), PART_BYTES_MAX)
            }
            Self::RemoveFact { key, .. } => within("key", key.len(), KEY_BYTES_MAX),
        }
    }
}

fn within(part: &'static str, bytes: usize, bytes_max: usize) -> Result<(), Error> {
    if bytes > bytes_max {
        return Err(Misuse::TooLarge { part, bytes, bytes_max }.into());
    }
    Ok(())
}
