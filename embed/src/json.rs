//! JSON by PHP's own json extension, for callers without PHP.
//!
//! Both functions allocate from PHP and may run PHP code (`jsonSerialize`): call them in
//! [`crate::Request::guard`].
#![allow(unsafe_code)]

use crate::ffi;
use ext_php_rs::ffi::{ext_php_rs_zend_string_release, zend_string};
use ext_php_rs::types::Zval;
use std::ffi::{CStr, c_char};

/// The value of `json`, objects as arrays; or why there is none.
pub fn decode(json: &[u8], depth_max: u32) -> Result<Zval, &'static str> {
    let mut value = Zval::new();
    let mut error = std::ptr::null();
    // SAFETY: pointer and length of live bytes; both results are initialised.
    let decoded = unsafe {
        let bytes = json.as_ptr().cast();
        ffi::appserver_json_decode(bytes, json.len(), depth_max.into(), &mut value, &mut error)
    };
    if decoded { Ok(value) } else { Err(reason(error)) }
}

/// Why a value has no JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// Where in the value, e.g. `['rows'][3]->total`; empty where that is not known.
    pub path: String,
    pub reason: &'static str,
}

/// Appends the JSON text of `value`. What JSON cannot say (NAN, a resource, a Closure) is refused.
pub fn encode(value: &mut Zval, depth_max: u32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut text = std::ptr::null_mut();
    let mut path = std::ptr::null_mut();
    let mut error = std::ptr::null();
    // SAFETY: `value` is a live zval; `text` and `path` are null or strings that we own.
    unsafe {
        let depth_max = depth_max.into();
        if ffi::appserver_json_encode(value, depth_max, &mut text, &mut path, &mut error) {
            append(text, out);
            return Ok(());
        }
        let mut found = Vec::new();
        append(path, &mut found);
        let path = String::from_utf8_lossy(&found).into_owned();
        Err(EncodeError { path, reason: reason(error) })
    }
}

/// Appends what `text` holds, unless it is null, and releases it.
///
/// # Safety
/// The caller owns `text`, if it is not null.
unsafe fn append(text: *mut zend_string, out: &mut Vec<u8>) {
    if text.is_null() {
        return;
    }
    // SAFETY: a live string of ours.
    unsafe {
        let bytes = std::slice::from_raw_parts((*text).val.as_ptr().cast::<u8>(), (*text).len);
        out.extend_from_slice(bytes);
        ext_php_rs_zend_string_release(text);
    }
}

fn reason(error: *const c_char) -> &'static str {
    // SAFETY: the shim's reasons are static C strings.
    unsafe { CStr::from_ptr(error) }.to_str().unwrap_or("it has no JSON form")
}
