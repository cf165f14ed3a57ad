//! Registration of the ini settings.
//!
//! Contract: the table given to the engine lives until the process ends; handlers run on the thread
//! of PHP, get the index of their setting as first argument, and keep nothing of the new value.
#![allow(unsafe_code)]

use super::ffi::zend_unregister_ini_entries;
use crate::api::refusals::Origin;
use crate::api::settings::{SETTINGS, change};
use ext_php_rs::ffi::{E_WARNING, php_error_docref, php_printf, zend_ini_entry, zend_string};
use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::types::ZendStr;
use ext_php_rs::zend::{IniEntryDef, ProcessGlobals};
use std::ffi::{CString, c_int, c_void};

const SUCCESS: c_int = 0;
const FAILURE: c_int = -1;
/// `ZEND_INI_STAGE_STARTUP` and `_RUNTIME` of `zend_ini.h`.
const STAGE_STARTUP: c_int = 1 << 0;
const STAGE_RUNTIME: c_int = 1 << 4;

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
    entry: *mut zend_ini_entry,
    new_value: *mut zend_string,
    index: *mut c_void,
    _arg2: *mut c_void,
    _arg3: *mut c_void,
    stage: c_int,
) -> c_int {
    // SAFETY: null or a string of the engine's that lives across this call.
    let value = unsafe { new_value.cast::<ZendStr>().as_ref() };
    let bytes = value.map(ZendStr::as_bytes).unwrap_or_default();
    // SAFETY: the engine gives the registered entry.
    let origin = unsafe { origin(&*entry, new_value, stage) };
    let Err(refusal) = change(index.addr(), bytes, origin) else {
        return SUCCESS;
    };
    warn(&refusal, origin);
    FAILURE
}

/// The engine marks an entry as modified before a request changes it, and keeps the value before.
fn origin(entry: &zend_ini_entry, new_value: *mut zend_string, stage: c_int) -> Origin {
    let modified = entry.modified != 0;
    match stage {
        _ if modified && new_value == entry.orig_value => Origin::Restored,
        STAGE_STARTUP => Origin::Start,
        STAGE_RUNTIME => Origin::Script,
        _ if modified => Origin::Request,
        _ => Origin::Process,
    }
}

/// Warns. The text is handed to the engine as one C string, which is freed before anything can be
/// interrupted: the engine formats into memory of its own first.
///
/// Outside scripts the warning goes to a log, where HTML would only be in the way. No user code runs
/// then that could leave this function in another way than by its end.
fn warn(refusal: &str, origin: Origin) {
    let Ok(text) = CString::new(refusal.replace('\0', "\\0")) else {
        return;
    };
    let html = ProcessGlobals::get().html_errors;
    if origin != Origin::Script {
        ProcessGlobals::get_mut().html_errors = false;
    }
    // SAFETY: the format takes one C string, which lives across the call.
    unsafe {
        php_error_docref(std::ptr::null(), E_WARNING.cast_signed(), c"%s".as_ptr(), text.as_ptr());
    }
    if origin != Origin::Script {
        ProcessGlobals::get_mut().html_errors = html;
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
