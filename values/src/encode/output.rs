//! Appending numbers and tags to the output.

use crate::tag;

/// LEB128: seven bits a byte, the lowest first.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[inline]
pub(super) fn put_count(out: &mut Vec<u8>, count: usize) {
    put_varint(out, count as u64);
}

#[inline]
pub(super) fn put_tagged<const BYTES: usize>(out: &mut Vec<u8>, tag: u8, bytes: [u8; BYTES]) {
    // One capacity check for both.
    out.reserve(1 + BYTES);
    out.push(tag);
    out.extend_from_slice(&bytes);
}

#[inline]
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    match value {
        0..=127 => out.push(value as u8),
        128..=383 => put_tagged(out, tag::INT_U8, [(value - tag::INT_U8_BASE) as u8]),
        -128..=-1 => put_tagged(out, tag::INT_I8, (value as i8).to_le_bytes()),
        384..=0xffff => put_tagged(out, tag::INT_U16, (value as u16).to_le_bytes()),
        -0x8000..=-129 => put_tagged(out, tag::INT_I16, (value as i16).to_le_bytes()),
        0x1_0000..=0xffff_ffff => put_tagged(out, tag::INT_U32, (value as u32).to_le_bytes()),
        -0x8000_0000..=-0x8001 => put_tagged(out, tag::INT_I32, (value as i32).to_le_bytes()),
        _ => put_tagged(out, tag::INT_I64, value.to_le_bytes()),
    }
}

#[inline]
pub(crate) fn put_float(out: &mut Vec<u8>, bits: u64) {
    put_tagged(out, tag::FLOAT, bits.to_le_bytes());
}

#[inline]
pub(super) fn put_string_ref(out: &mut Vec<u8>, number: u32) {
    match number {
        0..=15 => out.push(tag::NEAR_STRING + number as u8),
        16..=0xff => put_tagged(out, tag::STRING_REF_U8, [number as u8]),
        0x100..=0xffff => put_tagged(out, tag::STRING_REF_U16, (number as u16).to_le_bytes()),
        _ => put_tagged(out, tag::STRING_REF_U32, number.to_le_bytes()),
    }
}

/// Appends bytes, without a call for the short strings that most are.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        0..4 => bytes.iter().for_each(|byte| out.push(*byte)),
        4..8 => put_overlapping::<4>(out, bytes),
        8..=16 => put_overlapping::<8>(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
}

/// Appends `PART` to twice `PART` bytes as the first and the last `PART` of them.
#[inline]
fn put_overlapping<const PART: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<PART>(), bytes.last_chunk::<PART>()) {
        let end = out.len() + bytes.len();
        out.reserve(2 * PART);
        out.extend_from_slice(first);
        out.truncate(end - PART);
        out.extend_from_slice(last);
    }
}

#[inline]
pub(crate) fn put_string_head(out: &mut Vec<u8>, length: usize) {
    const SHORT_MAX: usize = (tag::SHORT_STRING_LAST - tag::SHORT_STRING) as usize;
    if length <= SHORT_MAX {
        out.push(tag::SHORT_STRING + length as u8);
    } else {
        out.push(tag::STRING);
        put_count(out, length);
    }
}

#[inline]
pub(super) fn put_list_head(out: &mut Vec<u8>, count: usize) {
    const SHORT_MAX: usize = (tag::SHORT_LIST_LAST - tag::SHORT_LIST) as usize;
    if count <= SHORT_MAX {
        out.push(tag::SHORT_LIST + count as u8);
    } else {
        out.push(tag::LIST);
        put_count(out, count);
    }
}
