//! Reading and writing properties of objects from inside the class, past visibility and readonly.
//!
//! Contract: `scope` declares the property, so that the engine's own checks (types, readonly once
//! only) apply and nothing else does.
#![allow(unsafe_code)]

use super::ffi::zend_update_property;
use ext_php_rs::ffi::zend_read_property;
use ext_php_rs::types::{ZendObject, Zval};
use ext_php_rs::zend::ClassEntry;
use std::ptr;

/// Assigns `value` to the property `name` that `scope` declares.
pub(crate) fn set(object: &mut ZendObject, scope: &ClassEntry, name: &str, mut value: Zval) {
    // SAFETY: the engine copies the value and adds its own reference; see the contract for the rest.
    unsafe {
        zend_update_property(
            ptr::from_ref(scope).cast_mut(),
            object,
            name.as_ptr().cast(),
            name.len(),
            &raw mut value,
        );
    }
}

/// The property `name` that `scope` declares, or null. May run user code when the class of `object`
/// has magic or hooks.
pub(crate) fn get(object: &mut ZendObject, scope: &ClassEntry, name: &str) -> Zval {
    let mut space = Zval::new();
    // SAFETY: the engine returns a property or `space`, valid while the object is.
    let found = unsafe {
        zend_read_property(
            ptr::from_ref(scope).cast_mut(),
            object,
            name.as_ptr().cast(),
            name.len(),
            true,
            &raw mut space,
        )
        .as_ref()
    };
    found.map_or_else(Zval::null, |value| value.dereference().shallow_clone())
}
