//! JSON by PHP's own json extension, for callers without PHP.
//!
//! Both functions allocate from PHP and may run PHP code (`jsonSerialize`): call them in
//! [`crate::Request::guard`].
#![allow(unsafe_code)]

use crate::ffi;
use ext_php_rs::ffi::ext_php_rs_zend_string_release;
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

/// Appends the JSON text of `value`.
pub fn encode(value: &mut Zval, depth_max: u32, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut text = std::ptr::null_mut();
    let mut error = std::ptr::null();
    // SAFETY: `value` is a live zval; on success `text` is a string we own and release.
    unsafe {
        if !ffi::appserver_json_encode(value, depth_max.into(), &mut text, &mut error) {
            return Err(reason(error));
        }
        let bytes = std::slice::from_raw_parts((*text).val.as_ptr().cast::<u8>(), (*text).len);
        out.extend_from_slice(bytes);
        ext_php_rs_zend_string_release(text);
    }
    Ok(())
}

fn reason(error: *const c_char) -> &'static str {
    // SAFETY: the shim's reasons are static C strings.
    unsafe { CStr::from_ptr(error) }.to_str().unwrap_or("it has no JSON form")
}
