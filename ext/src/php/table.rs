//! Writing to PHP arrays under keys of any kind.
//!
//! Contract: the table is not shared, as a fresh one is not.
#![allow(unsafe_code)]

use super::ffi::array_set_zval_key;
use ext_php_rs::types::{ZendHashTable, Zval};

/// Stores `value` under `key`, which is cast as PHP's own `$array[$key] = …` casts it.
pub(crate) fn set(table: &mut ZendHashTable, key: &Zval, mut value: Zval) {
    // SAFETY: the engine copies key and value and adds its own references.
    unsafe { array_set_zval_key(table, std::ptr::from_ref(key).cast_mut(), &raw mut value) };
}
