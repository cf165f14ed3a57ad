//! Arrays: lists, runs, rows and maps.

use super::Decoder;
use crate::engine::{Slot, Table, Text, View};
use crate::error::{Done, Fault};
use crate::path::Step;
use crate::tag;

/// Bytes of an array's header, and of one element in a packed and in a mixed one with its part of
/// the hash.
const TABLE_BYTES: usize = 56;
const PACKED_BYTES: usize = 16;
const MIXED_BYTES: usize = 36;
/// Tag of the list of one element.
const FILLED_LIST: u8 = tag::SHORT_LIST + 1;
/// The engine never makes a smaller table.
const SLOTS_MIN: usize = 8;

impl Decoder<'_> {
    fn new_packed(&mut self, count: usize) -> Result<Table, Fault> {
        self.charge_elements(count)?;
        let slots = count.next_power_of_two().max(SLOTS_MIN);
        self.charge_memory(TABLE_BYTES + slots * PACKED_BYTES)?;
        Ok(Table::new_packed(narrow(count)))
    }

    pub(super) fn charge_mixed(&mut self, count: usize) -> Done {
        self.charge_elements(count)?;
        let slots = count.next_power_of_two().max(SLOTS_MIN);
        self.charge_memory(TABLE_BYTES + slots * MIXED_BYTES)
    }

    pub(super) fn list(&mut self, slot: Slot, count: usize) -> Done {
        if count == 0 {
            slot.put_array(Table::empty());
            return Ok(());
        }
        if count > self.input.remaining() {
            return Err(self.input.malformed("count beyond the end"));
        }
        self.enter()?;
        let table = self.new_packed(count)?;
        slot.put_array(table);
        let first = table.packed();
        for position in 0..count {
            let element = first.step(position);
            element.put_null();
            if let Err(fault) = self.value(element) {
                table.set_packed_len(narrow(position + 1));
                return Err(fault.inside(|| Step::Index(position as i64)));
            }
        }
        table.set_packed_len(narrow(count));
        self.leave();
        Ok(())
    }

    pub(super) fn int_run(&mut self, slot: Slot, tag: u8) -> Done {
        let width = match tag {
            tag::INTS_U8 => 1,
            tag::INTS_U16 => 2,
            tag::INTS_U32 => 4,
            _ => 8,
        };
        let count = self.input.count(width)?;
        let least = if tag == tag::INTS_I64 { 0 } else { zagzig(self.input.varint()?) };
        let bytes = self.input.take(count * width)?;
        let table = self.new_packed(count)?;
        slot.put_array(table);
        let first = table.packed();
        let add = |distance: u64| least.wrapping_add(distance.cast_signed());
        match tag {
            tag::INTS_U8 => fill(first, bytes, |[byte]: [u8; 1]| add(u64::from(byte))),
            tag::INTS_U16 => fill(first, bytes, |number| add(u16::from_le_bytes(number).into())),
            tag::INTS_U32 => fill(first, bytes, |number| add(u32::from_le_bytes(number).into())),
            _ => fill(first, bytes, i64::from_le_bytes),
        }
        table.set_packed_len(narrow(count));
        Ok(())
    }

    pub(super) fn float_run(&mut self, slot: Slot) -> Done {
        let count = self.input.count(size_of::<f64>())?;
        let bytes = self.input.take(count * size_of::<f64>())?;
        let table = self.new_packed(count)?;
        slot.put_array(table);
        let (numbers, _) = bytes.as_chunks::<{ size_of::<f64>() }>();
        for (position, bits) in numbers.iter().enumerate() {
            table.packed().step(position).put_float(u64::from_le_bytes(*bits));
        }
        table.set_packed_len(narrow(count));
        Ok(())
    }

    /// The first row of a shape.
    pub(super) fn row_shape(&mut self, slot: Slot) -> Done {
        if let Some(template) = self.known_columns() {
            self.known.rows.push(template);
            return self.row_like(slot, template);
        }
        let input = self.input.rest();
        let count = self.input.count(2)?;
        if count == 0 {
            return Err(self.input.malformed("row without columns"));
        }
        self.enter()?;
        self.charge_mixed(count)?;
        let table = Table::new_mixed(narrow(count));
        slot.put_array(table);
        // All keys go in before any value, so that the array can serve as a template even for a row
        // inside itself.
        for _ in 0..count {
            let tag = self.input.byte()?;
            let key = self.text(tag)?;
            self.add_column(table, key)?;
        }
        Self::meet_columns(table, input);
        table.hold();
        self.known.held_rows.push(table);
        self.known.rows.push(table);
        self.row_values(table, count)
    }

    fn add_column(&mut self, table: Table, key: Text) -> Done {
        if Table::numeric_key(key.bytes()).is_none() && table.add_column(key) {
            return Ok(());
        }
        self.known.names.push(key);
        Err(self.input.malformed("column given twice, or an integer for a column"))
    }

    pub(super) fn row(&mut self, slot: Slot) -> Done {
        let number = self.input.number(self.known.rows.len())?;
        self.row_like(slot, self.known.rows[number])
    }

    #[inline]
    fn row_like(&mut self, slot: Slot, template: Table) -> Done {
        let count = template.used();
        if count > self.input.remaining() {
            return Err(self.input.malformed("count beyond the end"));
        }
        self.enter()?;
        self.charge_mixed(count)?;
        let table = template.like();
        slot.put_array(table);
        self.row_values(table, count)
    }

    #[inline]
    fn row_values(&mut self, table: Table, count: usize) -> Done {
        for position in 0..count {
            self.value(table.mixed(position))
                .map_err(|fault| fault.inside(|| crate::encode::step(table.key(position))))?;
        }
        self.leave();
        Ok(())
    }

    pub(super) fn map(&mut self, slot: Slot) -> Done {
        let count = self.input.count(2)?;
        self.enter()?;
        self.charge_mixed(count)?;
        let table = Table::with_room(narrow(count));
        slot.put_array(table);
        let mut next = 0_i64;
        for _ in 0..count {
            self.element(table, &mut next)?;
        }
        // Versions of PHP differ in what negative indices do to the next one: the format decides.
        table.set_next_index(next);
        self.leave();
        Ok(())
    }

    /// Reads a key and its value. An integer key raises `next` above itself.
    fn element(&mut self, table: Table, next: &mut i64) -> Done {
        let tag = self.input.byte()?;
        let (index, key) = match tag {
            0..=tag::SMALL_INT_MAX => (Some(i64::from(tag)), None),
            tag::INT_U8..=tag::INT_I64 => (Some(self.int(tag)?), None),
            _ => {
                let key = self.text(tag)?;
                (Table::numeric_key(key.bytes()), Some(key))
            }
        };
        let added = match (index, key) {
            (Some(index), _) => {
                *next = (*next).max(index.saturating_add(1));
                table.add_index(index)
            }
            (None, Some(key)) => table.add(key),
            (None, None) => None,
        };
        match key {
            // The table has it.
            Some(key) if index.is_none() && added.is_some() => key.release_shared(),
            Some(key) => self.keep(key)?,
            None => {}
        }
        let Some(element) = added else {
            return Err(self.input.malformed("key given twice"));
        };
        self.value(element).map_err(|fault| {
            fault.inside(|| match (index, key) {
                (Some(index), _) => Step::Index(index),
                (None, key) => Step::key(key.map_or(b"", Text::bytes)),
            })
        })
    }

    /// An array and what its next index is where that does not follow from its keys.
    pub(super) fn next_index(&mut self, slot: Slot) -> Done {
        let tag = self.input.byte()?;
        let next = match tag {
            0..=tag::SMALL_INT_MAX => i64::from(tag),
            _ => self.int(tag)?,
        };
        let array = self.input.byte()?;
        match array {
            tag::SHORT_LIST => {
                self.charge_mixed(0)?;
                slot.put_array(Table::with_room(0));
            }
            FILLED_LIST..=tag::SHORT_LIST_LAST => {
                self.list(slot, usize::from(array - tag::SHORT_LIST))?;
            }
            tag::LIST..=tag::MAP | tag::ROW_SHAPE | tag::ROW => self.compound(slot, array)?,
            _ => return Err(self.input.malformed("array expected")),
        }
        match slot.view() {
            // Below what its keys ask for, appending would meet an element that is there.
            View::Array(table) if next >= table.next_index() && !table.is_immutable() => {
                table.set_next_index(next);
                Ok(())
            }
            View::Array(table) if next < 0 && !has_natural_index(table) => {
                table.set_next_index(next);
                Ok(())
            }
            _ => Err(self.input.malformed("next index that the array cannot have")),
        }
    }
}

/// Whether the array has a key from 0 up.
fn has_natural_index(table: Table) -> bool {
    table.next_index() != 0 || table.is_immutable()
}

/// Writes one integer for each `BYTES` bytes.
#[inline]
fn fill<const BYTES: usize>(first: Slot, bytes: &[u8], number: impl Fn([u8; BYTES]) -> i64) {
    let (numbers, _) = bytes.as_chunks::<BYTES>();
    for (position, bytes) in numbers.iter().enumerate() {
        first.step(position).put_int(number(*bytes));
    }
}

/// Counts are bounded by `elements_max`, which is far below 2^32.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Undoes the encoder's zigzag.
fn zagzig(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
