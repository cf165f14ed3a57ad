//! Arguments of our functions, read from the engine's frame.
//!
//! Contract: the frame is the one the engine called the handler with, so its arguments live as long
//! as the handler runs; borrowed values are not kept beyond it.
#![allow(unsafe_code)]

use super::ffi::{
    zend_argument_type_error, zend_argument_value_error, zend_parse_parameters, zend_zval_type_name,
};
use ext_php_rs::ffi::{zend_is_iterable, zend_wrong_parameters_count_error};
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use std::ffi::CStr;
use std::slice;

/// `ZEND_CALL_HAS_EXTRA_NAMED_PARAMS`, a flag of the frame.
const HAS_EXTRA_NAMED_PARAMS: u32 = 1 << 27;

/// Arguments of a function that begins with a name and takes any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallArgs<'frame> {
    pub target: &'frame str,
    pub positional: &'frame [Zval],
    pub named: Option<&'frame ZendHashTable>,
}

/// Reads `(string $function, mixed ...$args)`. `None` = an exception is pending.
pub(crate) fn call_args(frame: &mut ExecuteData) -> Option<CallArgs<'_>> {
    let positional = all(frame, 1, u32::MAX)?;
    let name = string(frame, count(frame).min(1))?;
    Some(CallArgs { target: name, positional: &positional[1..], named: named(frame) })
}

/// The arguments as they were given, at least `min` and at most `max` (`u32::MAX` = any number).
/// `None` = an exception is pending.
pub(crate) fn all(frame: &ExecuteData, min: u32, max: u32) -> Option<&[Zval]> {
    let count = count(frame);
    if count < min || count > max {
        // SAFETY: called for the running function; -1 = no upper bound.
        unsafe { zend_wrong_parameters_count_error(min, max) };
        return None;
    }
    if count == 0 {
        return Some(&[]);
    }
    // SAFETY: the engine lays a frame's arguments out one behind the other.
    unsafe {
        let first = frame.zend_call_arg(0)?;
        Some(slice::from_raw_parts(&raw const *first, count as usize))
    }
}

/// Arguments by names that the function itself does not have.
pub(crate) fn named(frame: &ExecuteData) -> Option<&ZendHashTable> {
    // SAFETY: all fields of the union are the same 32 bits; the table is there when the flag is.
    unsafe {
        let has_named = frame.This.u1.type_info & HAS_EXTRA_NAMED_PARAMS != 0;
        // Without the flag the field is not initialised.
        if has_named { frame.extra_named_params.as_ref() } else { None }
    }
}

fn string<'frame>(frame: &ExecuteData, given: u32) -> Option<&'frame str> {
    // The usual case without the engine's parser.
    // SAFETY: the caller has seen that there is an argument.
    let first = unsafe { frame.zend_call_arg(0) };
    if let Some(text) = first.and_then(|zval| zval.zend_str()) {
        return text_of(text);
    }
    let mut text: *const ZendStr = std::ptr::null();
    // SAFETY: "S" writes one zend_string pointer, owned by the frame's argument.
    let parsed = unsafe { zend_parse_parameters(given, c"S".as_ptr(), &raw mut text) };
    if parsed != 0 {
        return None;
    }
    // SAFETY: as above.
    text_of(unsafe { text.as_ref() }?)
}

/// Names travel as UTF-8.
fn text_of(text: &ZendStr) -> Option<&str> {
    let valid = std::str::from_utf8(text.as_bytes()).ok();
    if valid.is_none() {
        value_error(1, c"must be valid UTF-8");
    }
    valid
}

fn count(frame: &ExecuteData) -> u32 {
    // SAFETY: all fields of the union are the same 32 bits.
    unsafe { frame.This.u2.num_args }
}

/// The object a method was called on.
pub(crate) fn this(frame: &mut ExecuteData) -> Option<&mut ZendObject> {
    frame.This.object_mut()
}

/// As [`this`], as a value of its own.
pub(crate) fn this_object(frame: &ExecuteData) -> Option<Zval> {
    frame.This.is_object().then(|| frame.This.shallow_clone())
}

/// Checks that no argument was given. `None` = an exception is pending.
pub(crate) fn none(frame: &ExecuteData) -> Option<()> {
    // SAFETY: nothing is written.
    (unsafe { zend_parse_parameters(count(frame), c"".as_ptr()) } == 0).then_some(())
}

/// What a parameter is read into: a pointer for the engine's parser.
#[derive(Debug)]
pub(crate) enum Param<'a> {
    /// `S` or, when null is allowed, `S!`.
    Text(&'a mut *const ZendStr),
    Int(&'a mut i64),
    Float(&'a mut f64),
    /// With the flag that tells null.
    FloatOrNull(&'a mut f64, &'a mut u8),
    Bool(&'a mut u8),
    Any(&'a mut *mut Zval),
}

/// Reads arguments by the engine's own rules (`zend_parse_parameters`), coercion and strict types
/// included. `spec` must fit `params`; at most nine pointers are passed. `None` = an exception is
/// pending.
pub(crate) fn parse(frame: &ExecuteData, spec: &CStr, params: &mut [Param<'_>]) -> Option<()> {
    let mut pointers = [std::ptr::null_mut::<u8>(); 10];
    let mut next = 0;
    let mut push = |pointer: *mut u8| {
        pointers[next] = pointer;
        next += 1;
    };
    for param in params {
        match param {
            Param::Text(into) => push(std::ptr::from_mut(*into).cast()),
            Param::Int(into) => push(std::ptr::from_mut(*into).cast()),
            Param::Float(into) => push(std::ptr::from_mut(*into).cast()),
            Param::FloatOrNull(into, null) => {
                push(std::ptr::from_mut(*into).cast());
                push(*null);
            }
            Param::Bool(into) => push(*into),
            Param::Any(into) => push(std::ptr::from_mut(*into).cast()),
        }
    }
    let [a, b, c, d, e, f, g, h, i, j] = pointers;
    // SAFETY: the engine reads as many pointers as `spec` has letters, of the kinds above.
    let parsed =
        unsafe { zend_parse_parameters(count(frame), spec.as_ptr(), a, b, c, d, e, f, g, h, i, j) };
    (parsed == 0).then_some(())
}

/// The bytes of a string that [`parse`] has read from `frame`; `None` = null, or not given.
pub(crate) fn bytes(frame: &ExecuteData, text: *const ZendStr) -> Option<&[u8]> {
    let _ = frame;
    // SAFETY: null or a string that an argument of the frame owns, as `parse` left it.
    unsafe { text.as_ref() }.map(ZendStr::as_bytes)
}

/// As [`bytes`], for text. `Err` = it is not UTF-8, and an exception is pending.
pub(crate) fn utf8(
    frame: &ExecuteData,
    number: u32,
    text: *const ZendStr,
) -> Result<Option<&str>, ()> {
    let Some(bytes) = bytes(frame, text) else {
        return Ok(None);
    };
    std::str::from_utf8(bytes).map(Some).map_err(|_| value_error(number, c"must be valid UTF-8"))
}

/// As [`bytes`], as a value of its own.
pub(crate) fn text(frame: &ExecuteData, text: *const ZendStr) -> Option<Zval> {
    let bytes = bytes(frame, text)?;
    let mut value = Zval::new();
    value.set_zend_string(ZendStr::new(bytes, false));
    Some(value)
}

/// The value that [`parse`] has read from `frame`.
pub(crate) fn value(frame: &ExecuteData, value: *mut Zval) -> Option<&Zval> {
    let _ = frame;
    // SAFETY: null or an argument of the frame, as `parse` left it.
    unsafe { value.as_ref() }
}

/// Whether `foreach` can go over it.
pub(crate) fn is_iterable(value: &Zval) -> bool {
    // SAFETY: a look at the value's type and class.
    unsafe { zend_is_iterable(std::ptr::from_ref(value).cast_mut()) }
}

/// Throws a `TypeError` about argument `number` (from 1): "… must be of type iterable, int given".
pub(crate) fn type_error(number: u32, expected: &CStr, given: &Zval) {
    // SAFETY: the format takes two C strings; the engine's name of a type is one that stays.
    unsafe {
        zend_argument_type_error(
            number,
            c"must be of type %s, %s given".as_ptr(),
            expected.as_ptr(),
            zend_zval_type_name(given),
        );
    }
}

/// Throws a `ValueError` about argument `number` (from 1).
pub(crate) fn value_error(number: u32, what: &CStr) {
    // SAFETY: the format takes one C string.
    unsafe { zend_argument_value_error(number, c"%s".as_ptr(), what.as_ptr()) };
}
