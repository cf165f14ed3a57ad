//! Arrays: lists, rows and maps.

use super::object::released;
use super::output::{put_count, put_int, put_list_head};
use super::{Encoder, tag};
use crate::engine::table::Key;
use crate::engine::{Table, guard};
use crate::error::Done;
use crate::path::Step;

impl Encoder<'_> {
    pub(super) fn array(&mut self, table: Table, shared: bool) -> Done {
        let count = table.len();
        if count == 0 {
            self.next_index(table, 0);
            put_list_head(self.out, 0);
            return Ok(());
        }
        self.enter(count)?;
        let shared = shared || table.references() > 1;
        // User code in an element's __serialize() may write to this array: it gets a copy.
        let held = table.hold();
        let done = if table.is_packed() && table.is_dense() {
            self.list(table, count, shared)
        } else {
            self.keyed(table, count, shared)
        };
        self.leave();
        if !held || (done.is_ok() && table.release_shared()) {
            return done;
        }
        released(done, || guard::drop_table(table))
    }

    #[inline]
    fn list(&mut self, table: Table, count: usize, shared: bool) -> Done {
        self.next_index(table, count as u64);
        let first = table.packed();
        if self.run(first, count) {
            return Ok(());
        }
        put_list_head(self.out, count);
        for position in 0..count {
            self.value(first.step(position), shared)
                .map_err(|fault| fault.inside(|| Step::Index(position as i64)))?;
        }
        Ok(())
    }

    /// An array with keys: as a row if its keys are few and all strings.
    fn keyed(&mut self, table: Table, count: usize, shared: bool) -> Done {
        if !table.is_packed() && table.is_dense() && count <= tag::SHAPE_KEYS_MAX {
            if let Some(shape) = self.scratch.shapes.find_row(table, count) {
                self.next_index(table, 0);
                self.out.push(tag::ROW);
                put_count(self.out, shape as usize);
                return self.row_values(table, count, shared);
            }
            return self.new_row(table, count, shared);
        }
        self.map(table, count, shared)
    }

    /// A row of a new shape, if it can be one.
    fn new_row(&mut self, table: Table, count: usize, shared: bool) -> Done {
        let start = self.out.len();
        self.next_index(table, 0);
        self.out.push(tag::ROW_SHAPE);
        if !self.known_columns(table, count) {
            if !is_row(table, count) {
                self.out.truncate(start);
                return self.map(table, count, shared);
            }
            self.columns(table, count)?;
        }
        self.scratch.shapes.add_row(table, count);
        self.row_values(table, count, shared)
    }

    fn columns(&mut self, table: Table, count: usize) -> Done {
        let first = self.scratch.strings.is_empty();
        let start = self.out.len();
        put_count(self.out, count);
        for position in 0..count {
            self.key(table.key(position))?;
        }
        if first {
            self.meet_columns(table, count, start);
        }
        Ok(())
    }

    #[inline]
    fn row_values(&mut self, table: Table, count: usize, shared: bool) -> Done {
        for position in 0..count {
            self.value(table.mixed(position), shared)
                .map_err(|fault| fault.inside(|| step(table.key(position))))?;
        }
        Ok(())
    }

    fn map(&mut self, table: Table, count: usize, shared: bool) -> Done {
        self.next_index(table, next_after_keys(table));
        self.out.push(tag::MAP);
        put_count(self.out, count);
        for (key, slot) in table.entries() {
            self.key(key)?;
            self.value(slot, shared).map_err(|fault| fault.inside(|| step(key)))?;
        }
        Ok(())
    }

    pub(super) fn key(&mut self, key: Key) -> Done {
        match key {
            Key::Int(index) => put_int(self.out, index),
            Key::String(text) => return self.string(text),
        }
        Ok(())
    }

    /// Says what `$array[] = …` would take, unless it is what follows from the keys.
    #[inline]
    fn next_index(&mut self, table: Table, expected: u64) {
        let next = table.next_index();
        if next != expected.cast_signed() {
            self.out.push(tag::NEXT_INDEX);
            put_int(self.out, next);
        }
    }
}

/// Whether all keys are strings that no array rule would turn into integers.
fn is_row(table: Table, count: usize) -> bool {
    (0..count).all(|position| match table.key(position) {
        Key::Int(_) => false,
        Key::String(key) => Table::numeric_key(key.bytes()).is_none(),
    })
}

/// The next index that follows from the keys alone.
fn next_after_keys(table: Table) -> u64 {
    if table.next_index() == 0 {
        return 0;
    }
    let indices = table.entries().filter_map(|(key, _)| match key {
        Key::Int(index) => Some(index),
        Key::String(_) => None,
    });
    match indices.max() {
        Some(index @ 0..) => index.saturating_add(1).cast_unsigned(),
        _ => 0,
    }
}

pub(crate) fn step(key: Key) -> Step {
    match key {
        Key::Int(index) => Step::Index(index),
        Key::String(text) => Step::key(text.bytes()),
    }
}
