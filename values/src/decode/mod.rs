//! From bytes to zvals, in one pass over hostile input.
//!
//! What is built is attached to its container before what is inside it is read, so that at any
//! moment dropping the root frees everything. Strings met before are not counted for being known:
//! until the end nothing that was decoded is dropped, see [`known::Known::discard`].

mod array;
mod class;
mod columns;
mod delayed;
mod known;
mod object;
mod property;
mod reader;

use crate::engine::{Link, Slot, Text, guard};
use crate::error::{Cause, Done, Fault};
use crate::limits::Limits;
use crate::policy::ClassPolicy;
use crate::tag;
use known::{IDENTITY_BYTES, Identity, Known, NAME_BYTES};
use reader::Reader;

/// What a string takes beside its bytes, and what remembering it takes, in bytes.
const STRING_OVERHEAD: usize = 32 + NAME_BYTES;
/// What a reference takes, in bytes, with its number.
const REFERENCE_BYTES: usize = 32 + IDENTITY_BYTES;

/// One decoding. Identities, strings and shapes are shared by all values that are read.
pub(crate) struct Decoder<'a> {
    input: Reader<'a>,
    limits: Limits,
    policy: &'a dyn ClassPolicy,
    guard: &'a guard::Memory,
    depth: u32,
    elements: usize,
    /// Bytes allocated for values so far.
    memory: usize,
    /// How many may be before [`Decoder::more_memory`] has to be asked.
    memory_ready: usize,
    known: Box<Known>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(
        input: &'a [u8],
        limits: Limits,
        policy: &'a dyn ClassPolicy,
        guard: &'a guard::Memory,
    ) -> Result<Self, Fault> {
        let limits = limits.bounded();
        if input.len() > limits.bytes_max {
            return Err(Fault::new(Cause::TooLarge(limits.bytes_max, "bytes")));
        }
        let (input, known) = (Reader::new(input), Known::take());
        let memory_ready =
            if guard::has_headroom() { limits.memory_max.min(guard::QUOTA_BYTES) } else { 0 };
        let (depth, elements, memory) = (0, 0, 0);
        Ok(Self { input, limits, policy, guard, depth, elements, memory, memory_ready, known })
    }

    /// A count of arguments, which take at least one byte each.
    pub(crate) fn count(&mut self) -> Result<usize, Fault> {
        let count = self.input.count(1)?;
        self.charge_mixed(count)?;
        Ok(count)
    }

    /// The slot of a name that was added, which must not have been there.
    pub(crate) fn distinct(&self, added: Option<Slot>) -> Result<Slot, Fault> {
        added.ok_or_else(|| self.input.malformed("name given twice"))
    }

    /// Nothing may follow the last value.
    pub(crate) fn expect_end(&self) -> Done {
        match self.input.remaining() {
            0 => Ok(()),
            _ => Err(self.input.malformed("bytes after the end")),
        }
    }

    /// Reads one value into `slot`, which holds null. If it fails the slot holds what there was.
    #[inline]
    pub(crate) fn value(&mut self, slot: Slot) -> Done {
        let tag = self.input.byte()?;
        match tag {
            0..=tag::SMALL_INT_MAX => slot.put_int(i64::from(tag)),
            tag::SHORT_STRING..=tag::SHORT_STRING_LAST => {
                let text = self.new_string(usize::from(tag - tag::SHORT_STRING))?;
                slot.put_string(text);
            }
            tag::NULL => slot.put_null(),
            tag::FALSE => slot.put_bool(false),
            tag::TRUE => slot.put_bool(true),
            tag::FLOAT => slot.put_float(u64::from_le_bytes(self.input.array()?)),
            tag::INT_U8..=tag::INT_I64 => slot.put_int(self.int(tag)?),
            tag::NEAR_STRING..=tag::NEAR_STRING_LAST | tag::STRING..=tag::STRING_REF_U32 => {
                let text = self.text(tag)?;
                slot.put_string(text);
            }
            tag::SHORT_LIST..=tag::SHORT_LIST_LAST => {
                return self.list(slot, usize::from(tag - tag::SHORT_LIST));
            }
            _ => return self.compound(slot, tag),
        }
        Ok(())
    }

    fn compound(&mut self, slot: Slot, tag: u8) -> Done {
        match tag {
            tag::LIST => {
                let count = self.input.count(1)?;
                self.list(slot, count)
            }
            tag::INTS_U8..=tag::INTS_I64 => self.int_run(slot, tag),
            tag::FLOATS => self.float_run(slot),
            tag::ROW => self.row(slot),
            tag::ROW_SHAPE => self.row_shape(slot),
            tag::MAP => self.map(slot),
            tag::NEXT_INDEX => self.next_index(slot),
            tag::OBJECT => self.object(slot),
            tag::OBJECT_SHAPE => self.object_shape(slot),
            tag::OBJECT_STATE => self.object_state(slot),
            tag::OBJECT_OPAQUE => self.object_opaque(slot),
            tag::ENUM_CASE => self.enum_case(slot),
            tag::OBJECT_REF => self.object_ref(slot),
            tag::REFERENCE => self.reference(slot),
            tag::REFERENCE_REF => self.reference_ref(slot),
            _ => Err(self.input.malformed("unknown tag")),
        }
    }

    #[inline]
    fn int(&mut self, tag: u8) -> Result<i64, Fault> {
        Ok(match tag {
            tag::INT_U8 => i64::from(self.input.byte()?) + tag::INT_U8_BASE,
            tag::INT_U16 => i64::from(u16::from_le_bytes(self.input.array()?)),
            tag::INT_U32 => i64::from(u32::from_le_bytes(self.input.array()?)),
            tag::INT_I8 => i64::from(i8::from_le_bytes(self.input.array()?)),
            tag::INT_I16 => i64::from(i16::from_le_bytes(self.input.array()?)),
            tag::INT_I32 => i64::from(i32::from_le_bytes(self.input.array()?)),
            tag::INT_I64 => i64::from_le_bytes(self.input.array()?),
            _ => return Err(self.input.malformed("integer expected")),
        })
    }

    /// A string that follows the tag, with one reference for the caller.
    fn text(&mut self, tag: u8) -> Result<Text, Fault> {
        let number = match tag {
            tag::SHORT_STRING..=tag::SHORT_STRING_LAST => {
                return self.new_string(usize::from(tag - tag::SHORT_STRING));
            }
            tag::STRING => {
                let length = self.input.count(1)?;
                return self.new_string(length);
            }
            tag::NEAR_STRING..=tag::NEAR_STRING_LAST => usize::from(tag - tag::NEAR_STRING),
            tag::STRING_REF_U8 => usize::from(self.input.byte()?),
            tag::STRING_REF_U16 => usize::from(u16::from_le_bytes(self.input.array()?)),
            tag::STRING_REF_U32 => u32::from_le_bytes(self.input.array()?) as usize,
            _ => return Err(self.input.malformed("string expected")),
        };
        match self.known.strings.get(number) {
            Some(text) => {
                text.hold();
                Ok(*text)
            }
            None => Err(self.input.malformed("reference to a string that did not come before")),
        }
    }

    #[inline]
    fn new_string(&mut self, length: usize) -> Result<Text, Fault> {
        let bytes = self.input.take(length)?;
        self.charge_memory(length + STRING_OVERHEAD)?;
        let text = Text::create(bytes);
        if length >= tag::REMEMBERED_BYTES_MIN {
            self.known.strings.push(text);
        }
        Ok(text)
    }

    /// A string with its tag, kept alive to the end whether or not it becomes part of a value.
    pub(crate) fn name(&mut self) -> Result<Text, Fault> {
        let tag = self.input.byte()?;
        let text = self.text(tag)?;
        self.keep(text)?;
        Ok(text)
    }

    /// Keeps the caller's reference to a string to the end.
    fn keep(&mut self, text: Text) -> Done {
        self.known.names.push(text);
        self.charge_memory(NAME_BYTES)
    }

    fn reference(&mut self, slot: Slot) -> Done {
        self.charge_memory(REFERENCE_BYTES)?;
        let link = Link::create();
        slot.put_reference(link);
        self.known.identity.push(Identity::Link(link));
        self.enter()?;
        self.value(link.target())?;
        self.leave();
        if link.target().is_reference() {
            return Err(self.input.malformed("reference to a reference"));
        }
        Ok(())
    }

    fn reference_ref(&mut self, slot: Slot) -> Done {
        let number = self.input.number(self.known.identity.len())?;
        let Identity::Link(link) = self.known.identity[number] else {
            return Err(self.input.malformed("object where a reference is expected"));
        };
        link.hold();
        slot.put_reference(link);
        Ok(())
    }

    #[inline]
    fn enter(&mut self) -> Done {
        if self.depth >= self.limits.depth_max {
            return Err(Fault::new(Cause::TooDeep(self.limits.depth_max)));
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    fn charge_elements(&mut self, count: usize) -> Done {
        if count > self.limits.elements_max - self.elements {
            return Err(Fault::new(Cause::TooLarge(self.limits.elements_max, "elements")));
        }
        self.elements += count;
        Ok(())
    }

    #[inline]
    fn charge_memory(&mut self, bytes: usize) -> Done {
        if bytes > self.memory_ready - self.memory {
            self.more_memory(bytes)?;
        }
        self.memory += bytes;
        Ok(())
    }

    /// Only `memory_max` bounds what is allocated from now on, no longer `memory_limit`.
    #[cold]
    fn more_memory(&mut self, bytes: usize) -> Done {
        if bytes > self.limits.memory_max - self.memory {
            let unit = "bytes of decoded values";
            return Err(Fault::new(Cause::TooLarge(self.limits.memory_max, unit)));
        }
        self.guard.lift();
        self.memory_ready = self.limits.memory_max;
        Ok(())
    }

    /// Ends the decoding of `roots`: on success calls what has to be called on the finished objects,
    /// otherwise drops the roots, which become null.
    pub(crate) fn finish(mut self, done: Done, roots: impl Iterator<Item = Slot>) -> Done {
        let mut result = done;
        if result.is_ok() {
            result = self.known.wake();
        } else {
            self.known.forbid_destructors();
        }
        match &result {
            Ok(()) => result = self.known.release(),
            Err(fault) if fault.is_bailout() => {
                roots.for_each(Slot::put_null);
                self.known.forget();
            }
            Err(_) => {
                // The error at hand is the one to tell of, whatever a destructor throws.
                let mut bailed_out = false;
                for root in roots {
                    if bailed_out {
                        root.put_null();
                    } else {
                        bailed_out = guard::drop_value(root) == Err(guard::Outcome::Bailout);
                    }
                }
                if bailed_out {
                    self.known.forget();
                }
                let released = self.known.release();
                if bailed_out || released.is_err_and(|fault| fault.is_bailout()) {
                    result = Err(Fault::new(Cause::Bailout));
                }
            }
        }
        self.known.put_back();
        result
    }
}
