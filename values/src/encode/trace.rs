//! Traces of exceptions, without the values that were passed: those may be anything.

use super::array::step;
use super::output::{put_count, put_list_head};
use super::scratch::Held;
use super::{Encoder, tag};
use crate::engine::table::Key;
use crate::engine::{Slot, Table, Text, View};
use crate::error::Done;

/// The frames' entries that are never sent.
const TRACE_ARGUMENTS: [&[u8]; 2] = [b"args", b"object"];
/// Where exceptions and errors keep their trace.
const TRACES: [&[u8]; 2] = [b"\0Exception\0trace", b"\0Error\0trace"];

/// Whether a property of an exception, by its mangled name, is the trace.
pub(super) fn is_trace(property: &Text) -> bool {
    TRACES.contains(&property.bytes())
}

impl Encoder<'_> {
    /// The frames of a trace without the values that were passed.
    pub(super) fn trace(&mut self, slot: Slot) -> Done {
        let View::Array(frames) = slot.view() else {
            put_list_head(self.out, 0);
            return Ok(());
        };
        // The engine puts strings and integers there, but reflection anything.
        if frames.hold() {
            self.scratch.held.push(Held::Table(frames));
        }
        let frames: Vec<Table> = frames
            .entries()
            .filter_map(|(_, frame)| match frame.view() {
                View::Array(frame) => Some(frame),
                _ => None,
            })
            .collect();
        self.enter(frames.len())?;
        put_list_head(self.out, frames.len());
        for frame in frames {
            self.frame(frame)?;
        }
        self.leave();
        Ok(())
    }

    fn frame(&mut self, frame: Table) -> Done {
        let sent = |key: &Key| match key {
            Key::String(key) => !TRACE_ARGUMENTS.contains(&key.bytes()),
            Key::Int(_) => true,
        };
        let entries: Vec<(Key, Slot)> = frame.entries().filter(|(key, _)| sent(key)).collect();
        self.enter(entries.len())?;
        self.out.push(tag::MAP);
        put_count(self.out, entries.len());
        for (key, value) in entries {
            self.key(key)?;
            self.value(value, true).map_err(|fault| fault.inside(|| step(key)))?;
        }
        self.leave();
        Ok(())
    }
}
