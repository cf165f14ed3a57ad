//! Functions and methods of the application, found by name.
#![allow(unsafe_code)]

use crate::ffi;
use crate::request::Request;
use ext_php_rs::ffi::{zend_class_entry, zend_function, zend_object};
use ext_php_rs::types::Zval;
use std::marker::PhantomData;

/// A function found in an open request; not valid beyond it, nor beyond the object that it is a
/// method of.
#[derive(Clone, Copy, Debug)]
pub struct Function<'request> {
    pub(crate) entry: *mut zend_function,
    pub(crate) scope: *mut zend_class_entry,
    /// Null, or what it is a method of.
    pub(crate) object: *mut zend_object,
    request: PhantomData<&'request ()>,
}

impl Request<'_> {
    /// The application's function of this name, in lower case; never one of PHP's own.
    pub fn function(&self, name: &str) -> Option<Function<'_>> {
        // SAFETY: pointer and length of a live string.
        let entry = unsafe { ffi::appserver_find_function(name.as_ptr().cast(), name.len()) };
        let (scope, object) = (std::ptr::null_mut(), std::ptr::null_mut());
        (!entry.is_null()).then_some(Function { entry, scope, object, request: PhantomData })
    }

    /// The public static method, both names in lower case. Runs autoloaders: call it in
    /// [`Request::guard`].
    pub fn static_method(&self, class: &str, method: &str) -> Option<Function<'_>> {
        // SAFETY: pointers and lengths of live strings; the class stays for the request.
        let (scope, entry) = unsafe {
            let scope = ffi::appserver_find_class(class.as_ptr().cast(), class.len());
            if scope.is_null() {
                return None;
            }
            let name = method.as_ptr().cast();
            (scope, ffi::appserver_find_static_method(scope, name, method.len()))
        };
        let object = std::ptr::null_mut();
        (!entry.is_null()).then_some(Function { entry, scope, object, request: PhantomData })
    }

    /// The public method of `value`, an object of the class; both names in lower case. Runs
    /// autoloaders: call it in [`Request::guard`].
    pub fn method<'a>(
        &'a self,
        value: &'a Zval,
        class: &str,
        method: &str,
    ) -> Option<Function<'a>> {
        let object = std::ptr::from_ref(value.object()?).cast_mut();
        // SAFETY: as above; the object lives as long as the function is borrowed.
        let (scope, entry) = unsafe {
            let scope = ffi::appserver_find_class(class.as_ptr().cast(), class.len());
            if scope.is_null() {
                return None;
            }
            let name = method.as_ptr().cast();
            ((*object).ce, ffi::appserver_find_method(object, scope, name, method.len()))
        };
        (!entry.is_null()).then_some(Function { entry, scope, object, request: PhantomData })
    }
}
