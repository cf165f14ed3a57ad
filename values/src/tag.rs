//! The first byte of every value. The table in the crate's documentation says what follows each.

/// Integers 0..=127 are their own tag.
pub(crate) const SMALL_INT_MAX: u8 = 0x7f;
/// Strings of up to 47 bytes: this plus the length.
pub(crate) const SHORT_STRING: u8 = 0x80;
pub(crate) const SHORT_STRING_LAST: u8 = 0xaf;
/// Lists of up to 15 elements: this plus the count.
pub(crate) const SHORT_LIST: u8 = 0xb0;
pub(crate) const SHORT_LIST_LAST: u8 = 0xbf;
/// The first 16 remembered strings: this plus the number.
pub(crate) const NEAR_STRING: u8 = 0xc0;
pub(crate) const NEAR_STRING_LAST: u8 = 0xcf;

pub(crate) const NULL: u8 = 0xd0;
pub(crate) const FALSE: u8 = 0xd1;
pub(crate) const TRUE: u8 = 0xd2;
pub(crate) const FLOAT: u8 = 0xd3;
pub(crate) const INT_U8: u8 = 0xd4;
pub(crate) const INT_U16: u8 = 0xd5;
pub(crate) const INT_U32: u8 = 0xd6;
pub(crate) const INT_I8: u8 = 0xd7;
pub(crate) const INT_I16: u8 = 0xd8;
pub(crate) const INT_I32: u8 = 0xd9;
pub(crate) const INT_I64: u8 = 0xda;
pub(crate) const STRING: u8 = 0xdb;
pub(crate) const STRING_REF_U8: u8 = 0xdc;
pub(crate) const STRING_REF_U16: u8 = 0xdd;
pub(crate) const STRING_REF_U32: u8 = 0xde;
pub(crate) const LIST: u8 = 0xdf;
pub(crate) const INTS_U8: u8 = 0xe0;
pub(crate) const INTS_U16: u8 = 0xe1;
pub(crate) const INTS_U32: u8 = 0xe2;
pub(crate) const INTS_I64: u8 = 0xe3;
pub(crate) const FLOATS: u8 = 0xe4;
pub(crate) const MAP: u8 = 0xe5;
pub(crate) const NEXT_INDEX: u8 = 0xe6;
pub(crate) const ROW_SHAPE: u8 = 0xe7;
pub(crate) const ROW: u8 = 0xe8;
pub(crate) const OBJECT_SHAPE: u8 = 0xe9;
pub(crate) const OBJECT: u8 = 0xea;
pub(crate) const OBJECT_STATE: u8 = 0xeb;
pub(crate) const OBJECT_OPAQUE: u8 = 0xec;
pub(crate) const ENUM_CASE: u8 = 0xed;
pub(crate) const OBJECT_REF: u8 = 0xee;
pub(crate) const REFERENCE: u8 = 0xef;
pub(crate) const REFERENCE_REF: u8 = 0xf0;

/// Integers offset by this are in the byte after [`INT_U8`].
pub(crate) const INT_U8_BASE: i64 = 128;
/// Strings shorter than this are never remembered: a reference would not be shorter.
pub(crate) const REMEMBERED_BYTES_MIN: usize = 3;
/// Most keys of a shape; larger arrays are maps.
pub(crate) const SHAPE_KEYS_MAX: usize = 64;
