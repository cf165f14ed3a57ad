//! Registration of the ini settings.
//!
//! Contract: the table given to the engine lives until the process ends; handlers run on the thread
//! of PHP, get the index of their setting as first argument, and keep nothing of the new value.
#![allow(unsafe_code)]

use super::ffi::zend_unregister_ini_entries;
use crate::api::settings::{SETTINGS, change};
use ext_php_rs::ffi::{E_WARNING, php_error_docref, php_printf, zend_ini_entry, zend_string};
use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::types::ZendStr;
use ext_php_rs::zend::IniEntryDef;
use std::ffi::{CString, c_int, c_void};

const SUCCESS: c_int = 0;
const FAILURE: c_int = -1;

/// Registers every setting, in MINIT. Values from php.ini are checked here and now.
pub(crate) fn register(module_number: i32) {
    let mut entries: Vec<IniEntryDef> = Vec::with_capacity(SETTINGS.len() + 1);
    for (index, setting) in SETTINGS.iter().enumerate() {
        let mut entry = IniEntryDef::new(setting.name, setting.default, IniEntryPermission::All);
        entry.on_modify = Some(on_modify);
        entry.mh_arg1 = std::ptr::without_provenance_mut(index);
        entry.displayer = setting.secret.then_some(display_secret);
        entries.push(entry);
    }
    entries.push(IniEntryDef::end());
    IniEntryDef::register(entries.leak(), module_number);
}

unsafe extern "C" fn on_modify(
    _entry: *mut zend_ini_entry,
    new_value: *mut zend_string,
    index: *mut c_void,
    _arg2: *mut c_void,
    _arg3: *mut c_void,
    _stage: c_int,
) -> c_int {
    // SAFETY: null or a string of the engine's that lives across this call.
    let value = unsafe { new_value.cast::<ZendStr>().as_ref() };
    let bytes = value.map(ZendStr::as_bytes).unwrap_or_default();
    let refused = match std::str::from_utf8(bytes) {
        Ok(text) => change(index.addr(), text),
        Err(_) => Err("expected UTF-8 text".to_owned()),
    };
    let Err(expected) = refused else {
        return SUCCESS;
    };
    warn(index.addr(), bytes, &expected);
    FAILURE
}

/// Warns with the setting's name. The text is handed to the engine as one C string, which is freed
/// before anything can be interrupted: the engine formats into memory of its own first.
fn warn(index: usize, value: &[u8], expected: &str) {
    let Some(setting) = SETTINGS.get(index) else {
        return;
    };
    let value = if setting.secret { "(hidden)".into() } else { String::from_utf8_lossy(value) };
    let name = setting.name.to_string_lossy();
    let text = format!("{name} = \"{value}\" is refused: {expected}").replace('\0', "\\0");
    let Ok(text) = CString::new(text) else {
        return;
    };
    // SAFETY: the format takes one C string, which lives across the call.
    unsafe {
        php_error_docref(std::ptr::null(), E_WARNING.cast_signed(), c"%s".as_ptr(), text.as_ptr());
    }
}

unsafe extern "C" fn display_secret(entry: *mut zend_ini_entry, _kind: c_int) {
    // SAFETY: the engine gives a registered entry; its value is null or one of the engine's strings.
    let value = unsafe { (*entry).value.cast::<ZendStr>().as_ref() };
    let shown = if value.is_none_or(|value| value.is_empty()) { c"no value" } else { c"(hidden)" };
    // SAFETY: the format takes one C string.
    unsafe { php_printf(c"%s".as_ptr(), shown.as_ptr()) };
}

/// Takes the settings away, in MSHUTDOWN.
pub(crate) fn unregister(module_number: i32) {
    // SAFETY: the number of our own module.
    unsafe { zend_unregister_ini_entries(module_number) };
}
