//! Functions of the engine that ext-php-rs does not bind.
//!
//! Contract: signatures as in the headers of PHP 8.2 to 8.5 (`zend_API.h`, `zend_attributes.h`,
//! `zend_hash.h`, `zend_string.h`, `php_ini.h`); each is called from the thread of PHP only.
#![allow(unsafe_code)]

use ext_php_rs::ffi::{dtor_func_t, zend_string, zend_type};
use ext_php_rs::types::{ZendHashTable, ZendObject, Zval};
use ext_php_rs::zend::{ClassEntry, ExecuteData, ModuleEntry};
use std::ffi::{c_char, c_int, c_void};

/// `zend_get_gc_buffer`.
#[repr(C)]
pub(super) struct GcBuffer {
    pub(super) next: *mut Zval,
    pub(super) end: *mut Zval,
    pub(super) start: *mut Zval,
}

unsafe extern "C" {
    pub(super) fn zend_parse_parameters(num_args: u32, spec: *const c_char, ...) -> c_int;
    pub(super) fn zend_argument_type_error(number: u32, format: *const c_char, ...);
    pub(super) fn zend_argument_value_error(number: u32, format: *const c_char, ...);
    pub(super) fn zend_update_property(
        scope: *mut ClassEntry,
        object: *mut ZendObject,
        name: *const c_char,
        name_length: usize,
        value: *mut Zval,
    );
    pub(super) fn zend_declare_typed_property(
        class: *mut ClassEntry,
        name: *mut zend_string,
        default: *mut Zval,
        access: c_int,
        doc: *mut zend_string,
        ty: zend_type,
    ) -> *mut c_void;
    pub(super) fn zend_internal_attribute_register(
        class: *mut ClassEntry,
        flags: u32,
    ) -> *mut c_void;
    pub(super) fn zend_add_attribute(
        attributes: *mut *mut c_void,
        name: *mut zend_string,
        argc: u32,
        flags: u32,
        offset: u32,
        line: u32,
    ) -> *mut c_void;
    pub(super) fn display_ini_entries(module: *mut ModuleEntry);
    pub(super) fn zend_zval_type_name(value: *const Zval) -> *const c_char;
    pub(super) fn zend_unregister_ini_entries(module_number: c_int);
    pub(super) fn array_set_zval_key(
        table: *mut ZendHashTable,
        key: *mut Zval,
        value: *mut Zval,
    ) -> c_int;
    pub(super) fn _zend_hash_init(
        table: *mut ZendHashTable,
        size: u32,
        destructor: dtor_func_t,
        persistent: bool,
    );
    pub(super) fn zend_hash_real_init_packed(table: *mut ZendHashTable);
    pub(super) fn zend_hash_real_init_mixed(table: *mut ZendHashTable);
    pub(super) fn zend_hash_index_add_new(
        table: *mut ZendHashTable,
        index: u64,
        value: *mut Zval,
    ) -> *mut Zval;
    pub(super) fn zend_hash_get_current_key_ex(
        table: *const ZendHashTable,
        key: *mut *mut zend_string,
        index: *mut u64,
        position: *const u32,
    ) -> c_int;
    pub(super) fn zend_hash_destroy(table: *mut ZendHashTable);
    pub(super) fn zend_string_hash_func(string: *mut zend_string) -> u64;
    pub(super) fn zend_get_gc_buffer_create() -> *mut GcBuffer;
    pub(super) fn zend_get_gc_buffer_grow(buffer: *mut GcBuffer);
    pub(super) fn zend_clear_exception();
    pub(super) fn php_date_get_interface_ce() -> *mut ClassEntry;
    pub(super) static zend_empty_string: *mut zend_string;
    pub(super) static zend_one_char_string: [*mut zend_string; 256];
    pub(super) static spl_ce_LogicException: *mut ClassEntry;
    pub(super) static spl_ce_RuntimeException: *mut ClassEntry;
    /// Set by extensions that handle signals between opcodes (pcntl).
    pub(super) static zend_interrupt_function: Option<unsafe extern "C" fn(*mut ExecuteData)>;
}
