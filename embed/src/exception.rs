//! What is inside an exception.
#![allow(unsafe_code)]

use crate::ffi;
use ext_php_rs::types::{ZendObject, Zval};

/// An object of a class that is a `Throwable`.
#[derive(Debug)]
pub struct ExceptionObject<'a> {
    object: &'a ZendObject,
}

impl<'a> ExceptionObject<'a> {
    /// `None` when `value` is no object. That it is a `Throwable` is the caller's knowledge: it was
    /// thrown, or is the previous one of one that was.
    pub fn new(value: &'a Zval) -> Option<Self> {
        value.object().map(|object| Self { object })
    }

    pub fn class(&self) -> String {
        self.object.get_class_name().unwrap_or_default()
    }

    /// A property that `Exception` or `Error` declares, be it private.
    pub fn property(&self, name: &str) -> Option<&'a Zval> {
        let object = std::ptr::from_ref(self.object).cast_mut();
        // SAFETY: a live exception object; the shim reads, and returns a zval inside it or null.
        unsafe {
            ffi::appserver_exception_property(object, name.as_ptr().cast(), name.len()).as_ref()
        }
    }

    /// Whether it is of a class or interface, whose name is given in lower case. Nothing is loaded for it.
    pub fn is(&self, class: &str) -> bool {
        let object = std::ptr::from_ref(self.object).cast_mut();
        // SAFETY: a live exception object; the shim reads.
        unsafe { ffi::appserver_exception_is(object, class.as_ptr().cast(), class.len()) }
    }

    /// A public property that its class declares.
    pub fn public_property(&self, name: &str) -> Option<&'a Zval> {
        let object = std::ptr::from_ref(self.object).cast_mut();
        // SAFETY: as of `property`.
        unsafe {
            ffi::appserver_exception_public(object, name.as_ptr().cast(), name.len()).as_ref()
        }
    }

    /// What its class declares beyond `Exception` and `Error`: an array under mangled names, or a
    /// zval of undefined type. Allocates: call it in [`crate::Request::guard`].
    pub fn extras(&self) -> Zval {
        let mut array = Zval::new();
        let object = std::ptr::from_ref(self.object).cast_mut();
        // SAFETY: a live exception object; the shim overwrites `array`.
        unsafe { ffi::appserver_exception_extras(object, &mut array) };
        array
    }
}
