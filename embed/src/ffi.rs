//! The C shim's functions, as `shim/shim.h` declares them.
#![allow(unsafe_code)]

use ext_php_rs::ffi::{zend_array, zend_class_entry, zend_function, zval};
use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
pub(crate) struct Hooks {
    pub(crate) write: extern "C" fn(*const c_char, usize),
    pub(crate) log: extern "C" fn(*const c_char, c_int),
}

#[repr(C)]
pub(crate) struct Extension {
    pub(crate) name: *const c_char,
    pub(crate) path: *const c_char,
}

/// Made by the shim alone.
#[allow(dead_code)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) enum Outcome {
    Returned,
    Threw,
    Exited,
    BailedOut,
}

#[repr(C)]
pub(crate) struct Error {
    pub(crate) kind: c_int,
    pub(crate) exit_status: c_int,
    pub(crate) line: u32,
    pub(crate) message: *const c_char,
    pub(crate) message_length: usize,
    pub(crate) file: *const c_char,
    pub(crate) file_length: usize,
}

unsafe extern "C" {
    pub(crate) fn appserver_start(
        hooks: *const Hooks,
        ini_entries: *const c_char,
        extension: *const Extension,
    ) -> bool;
    pub(crate) fn appserver_stop();
    pub(crate) fn appserver_request_startup() -> bool;
    pub(crate) fn appserver_request_shutdown();
    pub(crate) fn appserver_guard(
        body: unsafe extern "C" fn(*mut c_void),
        context: *mut c_void,
    ) -> bool;
    pub(crate) fn appserver_call(
        function: *mut zend_function,
        scope: *mut zend_class_entry,
        argument_count: u32,
        arguments: *mut zval,
        named: *mut zend_array,
        result: *mut zval,
    ) -> Outcome;
    pub(crate) fn appserver_eval(code: *const c_char, length: usize, result: *mut zval) -> Outcome;
    pub(crate) fn appserver_last_error(error: *mut Error);
}
