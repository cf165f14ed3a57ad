//! From zvals to bytes, in one walk.

mod array;
mod columns;
mod numbers;
mod object;
pub(crate) mod output;
mod plan;
mod pointers;
mod scratch;
mod shapes;
mod strings;
mod trace;

use crate::engine::value::{FALSE, FLOAT, INT, NULL, STRING, TRUE};
use crate::engine::{Link, Slot, Text, View, guard};
use crate::error::{Cause, Done, Fault};
use crate::limits::Limits;
use crate::tag;
pub(crate) use array::step;
use output::{put_bytes, put_count, put_float, put_int, put_string_head, put_string_ref};
use scratch::{Held, Scratch};

/// One encoding. Identities, strings and shapes are shared by all values it is given.
pub(crate) struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    /// Where our part of `out` begins.
    start: usize,
    limits: Limits,
    depth: u32,
    elements: usize,
    /// Number of the next object or reference.
    next_identity: u32,
    scratch: Box<Scratch>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, limits: Limits) -> Self {
        let start = out.len();
        let limits = limits.bounded();
        let scratch = Scratch::take();
        Self { out, start, limits, depth: 0, elements: 0, next_identity: 0, scratch }
    }

    /// Ends the encoding: lets go of what it held, and takes back the output if it failed.
    pub(crate) fn finish(mut self, done: Done) -> Done {
        let bailed_out = done.as_ref().is_err_and(Fault::is_bailout);
        let released = if bailed_out { self.scratch.forget() } else { self.scratch.release() };
        self.scratch.put_back();
        let result = match released {
            Err(fault) if fault.is_bailout() => Err(fault),
            released => done.and(released),
        };
        let result = result.and_then(|()| within(self.out, self.start, &self.limits));
        if result.is_err() {
            self.out.truncate(self.start);
        }
        result
    }

    pub(crate) fn count(&mut self, count: usize) {
        put_count(self.out, count);
    }

    /// Encodes one value. `shared`: something further out can be reached in two ways, so an object
    /// with a single reference may still come twice.
    #[inline]
    pub(crate) fn value(&mut self, slot: Slot, shared: bool) -> Done {
        match slot.kind() {
            INT => put_int(self.out, slot.int()),
            FLOAT => put_float(self.out, slot.float_bits()),
            STRING => return self.string(slot.text()),
            NULL => self.out.push(tag::NULL),
            FALSE => self.out.push(tag::FALSE),
            TRUE => self.out.push(tag::TRUE),
            _ => return self.other_value(slot, shared),
        }
        Ok(())
    }

    fn other_value(&mut self, slot: Slot, shared: bool) -> Done {
        match slot.view() {
            View::Null => self.out.push(tag::NULL),
            View::Bool(false) => self.out.push(tag::FALSE),
            View::Bool(true) => self.out.push(tag::TRUE),
            View::Int(value) => put_int(self.out, value),
            View::Float(value) => put_float(self.out, value.to_bits()),
            View::String(text) => return self.string(text),
            View::Array(table) => return self.array(table, shared),
            View::Object(object) => return self.object(object, shared),
            View::Reference(link) => return self.reference(link, shared),
            View::Indirect(target) => return self.value(target, shared),
            View::Resource => {
                let reason = format!("resource ({}) cannot be sent", guard::resource_type(slot));
                return Err(Fault::new(Cause::Unsendable(reason)));
            }
            View::Unknown => return Err(unsendable("value of an unknown type cannot be sent")),
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn string(&mut self, text: Text) -> Done {
        let bytes = text.bytes();
        if bytes.len() >= tag::REMEMBERED_BYTES_MIN {
            // Where the bytes will be: after a head of one byte, or of a tag and a varint.
            let head = string_head_bytes(bytes.len());
            let offset = self.out.len() + head;
            let found = self.scratch.strings.find_or_add(bytes, self.out, offset);
            if let Some(number) = found {
                put_string_ref(self.out, number);
                return Ok(());
            }
            if offset - self.start + bytes.len() > self.limits.bytes_max {
                return Err(too_many_bytes(&self.limits));
            }
        }
        put_string_head(self.out, bytes.len());
        put_bytes(self.out, bytes);
        Ok(())
    }

    /// A reference that nothing else can share is as good as its value.
    fn reference(&mut self, link: Link, shared: bool) -> Done {
        if link.references() == 1 && !shared {
            return self.value(link.target(), shared);
        }
        let number = self.next_identity;
        if let Some(known) = self.scratch.identity.find_or_add(link.as_ptr().addr(), number) {
            self.out.push(tag::REFERENCE_REF);
            put_count(self.out, known as usize);
            return Ok(());
        }
        link.hold();
        self.scratch.held.push(Held::Link(link));
        self.next_identity += 1;
        self.out.push(tag::REFERENCE);
        // What it refers to is one value, held by the one reference: no need to look for it twice.
        self.value(link.target(), shared)
    }

    /// Enters an array or object of `count` elements.
    #[inline]
    fn enter(&mut self, count: usize) -> Done {
        if self.depth >= self.limits.depth_max {
            return Err(Fault::new(Cause::TooDeep(self.limits.depth_max)));
        }
        self.depth += 1;
        self.charge(count)
    }

    /// Accounts for `count` elements before they are written.
    #[inline]
    fn charge(&mut self, count: usize) -> Done {
        let limits = &self.limits;
        if count > limits.elements_max - self.elements {
            return Err(Fault::new(Cause::TooLarge(limits.elements_max, "elements")));
        }
        // Each element takes a byte at the least.
        if self.out.len() - self.start + count > limits.bytes_max {
            return Err(too_many_bytes(limits));
        }
        self.elements += count;
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
    }
}

fn within(out: &[u8], start: usize, limits: &Limits) -> Done {
    if out.len() - start > limits.bytes_max {
        return Err(too_many_bytes(limits));
    }
    Ok(())
}

#[cold]
fn too_many_bytes(limits: &Limits) -> Fault {
    Fault::new(Cause::TooLarge(limits.bytes_max, "bytes"))
}

#[cold]
fn unsendable(reason: &str) -> Fault {
    Fault::new(Cause::Unsendable(reason.to_owned()))
}

/// Bytes that [`put_string_head`] writes for a string of this length.
#[inline]
fn string_head_bytes(length: usize) -> usize {
    const SHORT_MAX: usize = (tag::SHORT_STRING_LAST - tag::SHORT_STRING) as usize;
    if length <= SHORT_MAX {
        return 1;
    }
    let bits = usize::BITS - length.leading_zeros();
    1 + bits.div_ceil(7) as usize
}
