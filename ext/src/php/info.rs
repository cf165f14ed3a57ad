//! The section of phpinfo().
//!
//! Contract: called by the engine for our own module, while output is possible.
#![allow(unsafe_code)]

use super::ffi::display_ini_entries;
use ext_php_rs::ffi::{
    php_info_print_table_end, php_info_print_table_header, php_info_print_table_row,
    php_info_print_table_start,
};
use ext_php_rs::zend::ModuleEntry;
use std::ffi::CString;

/// Prints the table and the settings.
pub(crate) unsafe extern "C" fn print(module: *mut ModuleEntry) {
    // SAFETY: printing functions of the engine; the module is ours.
    unsafe {
        php_info_print_table_start();
        php_info_print_table_header(2, c"appserver".as_ptr(), c"enabled".as_ptr());
    }
    for (name, value) in crate::api::status::info() {
        if let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) {
            // SAFETY: two columns, two C strings.
            unsafe { php_info_print_table_row(2, name.as_ptr(), value.as_ptr()) };
        }
    }
    // SAFETY: as above.
    unsafe {
        php_info_print_table_end();
        display_ini_entries(module);
    }
}
