//! Columns of rows met in earlier decodings, so that the keys of a call's arguments, which are the
//! same in call after call, are neither made nor hashed again.
//!
//! What is here is never freed: the engine takes the keys for interned strings, and arrays anywhere
//! may have them. So it is bounded, and only what comes twice gets in.

use super::Decoder;
use crate::engine::table::Key;
use crate::engine::{Table, Text};
use crate::tag;
use std::cell::Cell;

const PLACES: usize = 256;
/// Longest encoding of columns that is kept, in bytes.
const BLOCK_BYTES_MAX: usize = 512;

thread_local! {
    static PLACED: [Cell<Place>; PLACES] = const { [const { Cell::new(Place::Seen(0)) }; PLACES] };
}

#[derive(Clone, Copy)]
enum Place {
    /// Checksum of the columns that were here last, 0 for none.
    Seen(u64),
    Kept(&'static Columns),
}

struct Columns {
    /// Their count and the strings, as encoded.
    block: Box<[u8]>,
    /// An array of these keys, immutable.
    template: Table,
    /// Those of the keys that get a number.
    numbered: Box<[Text]>,
}

impl Columns {
    /// The columns that `input` begins with, if they are known.
    #[inline]
    fn find(input: &[u8]) -> Option<&'static Self> {
        let block = block(input)?;
        match PLACED.with(|placed| placed[place(block)].get()) {
            Place::Kept(columns) if *columns.block == *block => Some(columns),
            _ => None,
        }
    }

    /// Keeps the keys of `table`, with which `input` begins, if they come for the second time.
    fn meet(table: Table, input: &[u8]) {
        let Some(block) = block(input) else {
            return;
        };
        let checksum = checksum(block);
        PLACED.with(|placed| {
            let place = &placed[place(block)];
            match place.get() {
                Place::Seen(seen) if seen == checksum => {
                    place.set(Place::Kept(Box::leak(Box::new(Self::of(table, block)))));
                }
                Place::Seen(_) => place.set(Place::Seen(checksum)),
                Place::Kept(_) => {}
            }
        });
    }

    fn of(table: Table, block: &[u8]) -> Self {
        let count = u32::try_from(table.used()).unwrap_or(u32::MAX);
        let template = Table::new_permanent(count);
        let mut numbered = Vec::new();
        for (key, _) in table.entries() {
            let Key::String(key) = key else { continue };
            let key = Text::permanent(key.bytes());
            template.add_column(key);
            if key.bytes().len() >= tag::REMEMBERED_BYTES_MIN {
                numbered.push(key);
            }
        }
        Self { block: block.into(), template, numbered: numbered.into() }
    }
}

impl Decoder<'_> {
    /// Takes the columns at hand if they are known.
    #[inline]
    pub(super) fn known_columns(&mut self) -> Option<Table> {
        let columns = Columns::find(self.input.rest())?;
        self.input.skip(columns.block.len());
        self.known.strings.extend_from_slice(&columns.numbered);
        Some(columns.template)
    }

    /// Keeps the columns of `table`, which were read from `input`, for decodings to come.
    pub(super) fn meet_columns(table: Table, input: &[u8]) {
        Columns::meet(table, input);
    }
}

/// The count and the keys at the front of `input`, if the keys are spelt out and short.
#[inline]
fn block(input: &[u8]) -> Option<&[u8]> {
    let count = *input.first().filter(|count| **count < 0x80)?;
    let mut end = 1;
    for _ in 0..count {
        let tag @ tag::SHORT_STRING..=tag::SHORT_STRING_LAST = *input.get(end)? else {
            return None;
        };
        end += 1 + usize::from(tag - tag::SHORT_STRING);
    }
    if end <= BLOCK_BYTES_MAX { input.get(..end) } else { None }
}

#[inline]
fn place(block: &[u8]) -> usize {
    let (first, last) = match (block.first_chunk(), block.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (checksum(block), 0),
    };
    let length = block.len() as u64;
    let mixed = (first ^ last.rotate_left(29) ^ length << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::from(mixed.to_be_bytes()[0])
}

/// FNV-1a, never 0.
fn checksum(block: &[u8]) -> u64 {
    let hash = block.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    hash | 1
}
