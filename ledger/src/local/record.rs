//! One commit, as the log has it.
//!
//! A header, then the changes one after the other; numbers are little-endian. A record counts when its
//! checksum holds and its number is the next one: what a commit that never returned has left does not, nor
//! does what an earlier use of the same place has left.
//!
//! | bytes | header |
//! |---|---|
//! | 0–3 | "ASLc" |
//! | 4–7 | length of the changes |
//! | 8–15 | number of the commit |
//! | 16–23 | the first bytes of BLAKE3, keyed by the ledger, of bytes 0–15 |
//! | 24–31 | likewise of bytes 0–15 and the changes |
//!
//! The first checksum is for whoever looks for records where none need be: only what is the header of one
//! is read on.

use crate::Change;

pub(super) const HEADER_BYTES: usize = 32;
/// Records begin at multiples of it. What is between them is not written.
pub(super) const ALIGNED: usize = 8;

const MAGIC: [u8; 4] = *b"ASLc";

/// What tells the records of one ledger from those of all others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(drawn: u64) -> Self {
        Self(blake3::derive_key("appserver ledger, record of a commit", &drawn.to_le_bytes()))
    }

    fn checksum(&self, head: &[u8], changes: &[u8]) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(head).update(changes);
        let mut checksum = [0; 8];
        checksum.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        checksum
    }
}

/// Puts a record in place of what `out` has.
pub(super) fn encode(key: &Key, number: u64, changes: &[Change], out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER_BYTES, 0);
    changes.iter().for_each(|change| put(change, out));
    // A record is written at once, so it is below 4 GiB: the log refuses longer ones.
    let length = u32::try_from(out.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&MAGIC);
    out[4..8].copy_from_slice(&length.to_le_bytes());
    out[8..16].copy_from_slice(&number.to_le_bytes());
    let of_header = key.checksum(&out[..16], &[]);
    let of_all = key.checksum(&out[..16], &out[HEADER_BYTES..]);
    out[16..24].copy_from_slice(&of_header);
    out[24..HEADER_BYTES].copy_from_slice(&of_all);
}

/// The number of the record that `bytes` begin with, its changes, and where the next one would begin.
pub(super) fn decode<'a>(key: &Key, bytes: &'a [u8]) -> Option<(u64, &'a [u8], usize)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    if header[..4] != MAGIC || key.checksum(&header[..16], &[]) != header[16..24] {
        return None;
    }
    let length = u32::from_le_bytes(*header[4..].first_chunk()?) as usize;
    let number = u64::from_le_bytes(*header[8..].first_chunk()?);
    let changes = rest.get(..length)?;
    let holds = key.checksum(&header[..16], changes) == header[24..];
    holds.then(|| (number, changes, (HEADER_BYTES + length).next_multiple_of(ALIGNED)))
}

/// The changes of a record; nothing when they are not what [`encode`] writes.
pub(super) fn changes(bytes: &[u8]) -> Option<Vec<Change>> {
    let mut rest = Rest(bytes);
    let mut changes = Vec::new();
    while !rest.0.is_empty() {
        changes.push(rest.change()?);
    }
    Some(changes)
}

const INSERT: u8 = 1;
const UPDATE: u8 = 2;
const UPDATE_WITH_TAIL: u8 = 3;
const REMOVE: u8 = 4;
const SET_FACT: u8 = 5;
const REMOVE_FACT: u8 = 6;

fn put(change: &Change, out: &mut Vec<u8>) {
    match change {
        Change::Insert { seq, state, head, body } => {
            put_entry(INSERT, *seq, *state, out);
            put_bytes(head, out);
            put_bytes(body, out);
        }
        Change::Update { seq, state, head, tail: None } => {
            put_entry(UPDATE, *seq, *state, out);
            put_bytes(head, out);
        }
        Change::Update { seq, state, head, tail: Some(tail) } => {
            put_entry(UPDATE_WITH_TAIL, *seq, *state, out);
            put_bytes(head, out);
            put_bytes(tail, out);
        }
        Change::Remove { seq } => put_entry(REMOVE, *seq, 0, out),
        Change::SetFact { kind, key, value } => {
            out.extend([SET_FACT, *kind]);
            put_bytes(key, out);
            put_bytes(value, out);
        }
        Change::RemoveFact { kind, key } => {
            out.extend([REMOVE_FACT, *kind]);
            put_bytes(key, out);
        }
    }
}

fn put_entry(what: u8, seq: u64, state: u8, out: &mut Vec<u8>) {
    out.extend([what, state]);
    out.extend_from_slice(&seq.to_le_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    // No part is longer: `Change::check`.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn change(&mut self) -> Option<Change> {
        let [what, byte] = self.array()?;
        Some(match what {
            INSERT => {
                let (seq, head, body) = (self.number()?, self.bytes()?, self.bytes()?);
                Change::Insert { seq, state: byte, head, body }
            }
            UPDATE => {
                let (seq, head) = (self.number()?, self.bytes()?);
                Change::Update { seq, state: byte, head, tail: None }
            }
            UPDATE_WITH_TAIL => {
                let (seq, head, tail) = (self.number()?, self.bytes()?, Some(self.bytes()?));
                Change::Update { seq, state: byte, head, tail }
            }
            REMOVE => Change::Remove { seq: self.number()? },
            SET_FACT => {
                let (key, value) = (self.bytes()?, self.bytes()?);
                Change::SetFact { kind: byte, key, value }
            }
            REMOVE_FACT => Change::RemoveFact { kind: byte, key: self.bytes()? },
            _ => return None,
        })
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}
