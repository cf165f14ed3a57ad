//! Columns of the row that an encoding began with, kept as they were encoded: call after call passes
//! arrays of the same keys. The bytes are those that would be written anyway.

use super::Encoder;
use super::strings::{self, Strings};
use crate::engine::Table;
use crate::engine::table::Key;
use crate::tag;

const PLACES: usize = 64;
/// Longest encoding of columns that is kept, in bytes.
const BLOCK_BYTES_MAX: usize = 512;

#[derive(Default)]
struct Place {
    /// What [`mark`] gave for the table that was here last.
    mark: u64,
    columns: Option<Columns>,
}

struct Columns {
    keys: Vec<Column>,
    /// Count and keys.
    block: Vec<u8>,
}

/// Where in the block a key's bytes are.
struct Column {
    /// As the engine has it.
    key_hash: u64,
    /// As [`Strings`] has it.
    hash: u32,
    start: usize,
    end: usize,
}

/// Columns by their first and last key and their count; a newer one takes the place of an older.
#[derive(Default)]
pub(super) struct KnownColumns(Vec<Place>);

impl KnownColumns {
    #[inline]
    fn find(&self, table: Table, count: usize) -> Option<&Columns> {
        let columns = self.0.get(place(mark(table, count)))?.columns.as_ref()?;
        columns.are_those_of(table, count).then_some(columns)
    }

    /// Keeps the columns of `table`, which `block` encodes, if they come for the second time.
    fn meet(&mut self, table: Table, count: usize, block: &[u8]) {
        if block.len() > BLOCK_BYTES_MAX {
            return;
        }
        if self.0.is_empty() {
            self.0.resize_with(PLACES, Place::default);
        }
        let mark = mark(table, count);
        let place = &mut self.0[place(mark)];
        if place.mark == mark {
            place.columns = Columns::read(table, count, block);
        }
        place.mark = mark;
    }
}

impl Columns {
    /// The columns as `block` has them; `None` if a key is not short.
    fn read(table: Table, count: usize, block: &[u8]) -> Option<Self> {
        // One byte of count: more columns than that make no row.
        let mut at = 1;
        let mut keys = Vec::with_capacity(count);
        for position in 0..count {
            let tag @ tag::SHORT_STRING..=tag::SHORT_STRING_LAST = *block.get(at)? else {
                return None;
            };
            let (start, end) = (at + 1, at + 1 + usize::from(tag - tag::SHORT_STRING));
            let hash = strings::hash(block.get(start..end)?);
            keys.push(Column { key_hash: table.key_hash(position), hash, start, end });
            at = end;
        }
        Some(Self { keys, block: block.to_vec() })
    }

    #[inline]
    fn are_those_of(&self, table: Table, count: usize) -> bool {
        self.keys.len() == count
            && self.keys.iter().enumerate().all(|(position, column)| {
                table.key_hash(position) == column.key_hash
                    && matches!(table.key(position), Key::String(key)
                        if strings::same(key.bytes(), &self.block[column.start..column.end]))
            })
    }

    fn number(&self, strings: &mut Strings, offset: usize) {
        for Column { hash, start, end, .. } in &self.keys {
            if end - start >= tag::REMEMBERED_BYTES_MIN {
                strings.add_new(*hash, offset + start, end - start);
            }
        }
    }
}

impl Encoder<'_> {
    /// Writes the columns of `table` if they are known, and nothing was written that one of their
    /// keys could refer to.
    #[inline]
    pub(super) fn known_columns(&mut self, table: Table, count: usize) -> bool {
        if !self.scratch.strings.is_empty() {
            return false;
        }
        let Some(columns) = self.scratch.columns.find(table, count) else {
            return false;
        };
        let offset = self.out.len();
        self.out.extend_from_slice(&columns.block);
        columns.number(&mut self.scratch.strings, offset);
        true
    }

    /// Keeps the columns of `table`, which were written from `start`, for encodings to come.
    pub(super) fn meet_columns(&mut self, table: Table, count: usize, start: usize) {
        self.scratch.columns.meet(table, count, &self.out[start..]);
    }
}

/// Never 0.
#[inline]
fn mark(table: Table, count: usize) -> u64 {
    let ends = table.key_hash(0) ^ table.key_hash(count - 1).rotate_left(17);
    (ends ^ (count as u64) << 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

#[inline]
fn place(mark: u64) -> usize {
    usize::from(mark.to_be_bytes()[0]) % PLACES
}
