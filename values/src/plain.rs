//! A null, a bool, a number or a short string that is sent alone, as the argument of a call or its
//! result often is: nothing can refer to it, so it needs none of what an encoding or a decoding
//! remembers. Whatever is not as simple as that is left to [`crate::encode`] and [`crate::decode`].

use crate::encode::output::{put_bytes, put_float, put_int, put_string_head};
use crate::engine::{Slot, Text, View, guard};
use crate::limits::Limits;
use crate::tag;

/// No head of a string, with the counts around an argument, is longer than this, nor any number.
const HEAD_BYTES_MAX: usize = 16;
const FLOAT_BYTES: usize = 8;

/// Appends the value if it is plain; returns whether it did.
#[inline]
pub(crate) fn put(slot: Slot, out: &mut Vec<u8>, limits: &Limits) -> bool {
    let view = slot.view();
    let string_bytes = if let View::String(text) = view { text.bytes().len() } else { 0 };
    if string_bytes.saturating_add(HEAD_BYTES_MAX) > limits.bytes_max {
        return false;
    }
    match view {
        View::Null => out.push(tag::NULL),
        View::Bool(false) => out.push(tag::FALSE),
        View::Bool(true) => out.push(tag::TRUE),
        View::Int(value) => put_int(out, value),
        View::Float(value) => put_float(out, value.to_bits()),
        View::String(text) => {
            put_string_head(out, string_bytes);
            put_bytes(out, text.bytes());
        }
        _ => return false,
    }
    true
}

/// Writes the value to `slot`, which holds null, if the bytes are just a plain one; returns whether
/// they were.
#[inline]
pub(crate) fn take(input: &[u8], slot: Slot, limits: &Limits) -> bool {
    let Some((tag, rest)) = input.split_first().filter(|_| input.len() <= limits.bytes_max) else {
        return false;
    };
    match (*tag, rest) {
        (tag::NULL, []) => slot.put_null(),
        (tag::FALSE, []) => slot.put_bool(false),
        (tag::TRUE, []) => slot.put_bool(true),
        (tag @ 0..=tag::SMALL_INT_MAX, []) => slot.put_int(i64::from(tag)),
        (tag::FLOAT, rest) => {
            let Ok(bits) = <[u8; FLOAT_BYTES]>::try_from(rest) else {
                return false;
            };
            slot.put_float(u64::from_le_bytes(bits));
        }
        (tag @ tag::SHORT_STRING..=tag::SHORT_STRING_LAST, bytes)
            if usize::from(tag - tag::SHORT_STRING) == bytes.len()
                && limits.memory_max >= guard::QUOTA_BYTES
                && guard::has_headroom() =>
        {
            slot.put_string(Text::create(bytes));
        }
        _ => return false,
    }
    true
}
