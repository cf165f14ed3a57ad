//! The C shim's functions, as `shim/shim.h` declares them.
#![allow(unsafe_code)]

use ext_php_rs::ffi::{
    zend_array, zend_class_entry, zend_function, zend_long, zend_object, zend_string, zval,
};
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

#[repr(C)]
pub(crate) struct Preparation {
    pub(crate) prepare: unsafe extern "C" fn(*mut c_void) -> bool,
    pub(crate) context: *mut c_void,
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

/// Why running PHP code is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Interrupt {
    TimedOut = 1,
    Cancelled = 2,
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
        preparation: *const Preparation,
    ) -> bool;
    pub(crate) fn appserver_set_at_start(
        name: *const c_char,
        length: usize,
        value: *const c_char,
        value_length: usize,
    ) -> bool;
    pub(crate) fn appserver_stop();
    pub(crate) fn appserver_request_startup() -> bool;
    pub(crate) fn appserver_request_shutdown() -> bool;
    pub(crate) fn appserver_take_exception(result: *mut zval) -> Outcome;
    pub(crate) fn appserver_guard(
        body: unsafe extern "C" fn(*mut c_void),
        context: *mut c_void,
    ) -> bool;
    pub(crate) fn appserver_call(
        function: *mut zend_function,
        scope: *mut zend_class_entry,
        object: *mut zend_object,
        argument_count: u32,
        arguments: *mut zval,
        named: *mut zend_array,
        result: *mut zval,
    ) -> Outcome;
    pub(crate) fn appserver_eval(code: *const c_char, length: usize, result: *mut zval) -> Outcome;
    pub(crate) fn appserver_last_error(error: *mut Error);
    pub(crate) fn appserver_find_function(name: *const c_char, length: usize)
    -> *mut zend_function;
    pub(crate) fn appserver_find_class(name: *const c_char, length: usize)
    -> *mut zend_class_entry;
    pub(crate) fn appserver_every_class_linked() -> bool;
    pub(crate) fn appserver_find_static_method(
        scope: *mut zend_class_entry,
        name: *const c_char,
        length: usize,
    ) -> *mut zend_function;
    pub(crate) fn appserver_find_method(
        object: *mut zend_object,
        scope: *mut zend_class_entry,
        name: *const c_char,
        length: usize,
    ) -> *mut zend_function;
    pub(crate) fn appserver_require_once(
        path: *const c_char,
        length: usize,
        result: *mut zval,
    ) -> Outcome;
    pub(crate) fn appserver_first_statement(
        path: *const c_char,
        length: usize,
        found: *mut Statement,
    ) -> Outcome;
    pub(crate) fn appserver_exception_property(
        exception: *mut zend_object,
        name: *const c_char,
        length: usize,
    ) -> *mut zval;
    pub(crate) fn appserver_exception_is(
        exception: *mut zend_object,
        class: *const c_char,
        length: usize,
    ) -> bool;
    pub(crate) fn appserver_exception_public(
        exception: *mut zend_object,
        name: *const c_char,
        length: usize,
    ) -> *mut zval;
    pub(crate) fn appserver_exception_extras(exception: *mut zend_object, array: *mut zval);
    pub(crate) fn appserver_json_decode(
        json: *const c_char,
        length: usize,
        depth: zend_long,
        value: *mut zval,
        error: *mut *const c_char,
    ) -> bool;
    pub(crate) fn appserver_json_encode(
        value: *mut zval,
        depth: zend_long,
        json: *mut *mut zend_string,
        path: *mut *mut zend_string,
        error: *mut *const c_char,
    ) -> bool;
    pub(crate) fn appserver_time_limit(milliseconds: u32);
    pub(crate) fn appserver_interrupt(why: Interrupt);
    pub(crate) fn appserver_interrupt_clear();
    pub(crate) fn appserver_memory_limit(lifted: bool) -> bool;
    pub(crate) fn appserver_request_time_now();
    pub(crate) fn appserver_output_end();
    pub(crate) fn appserver_reset_between_calls() -> bool;
    pub(crate) fn appserver_opcache_enabled() -> bool;
    pub(crate) fn appserver_php_version() -> *const c_char;
}

#[repr(C)]
pub(crate) struct Statement {
    pub(crate) opcode: *const c_char,
    pub(crate) line: u32,
}
