//! Making objects of classes that other extensions have.
//!
//! Contract: the constructor may throw, and may leave by longjmp; callers own nothing with a destructor
//! meanwhile but values of PHP's request heap, which PHP itself reclaims.
#![allow(unsafe_code)]

use super::is_throwing;
use ext_php_rs::ffi::{
    ext_php_rs_executor_globals, zend_call_known_function, zend_hash_str_find_ptr_lc,
};
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::ClassEntry;
use std::ptr;

/// No extension that is loaded has the class.
#[derive(Debug)]
pub(crate) struct NoSuchClass;

/// `new $class(...$arguments)`, for a class with a constructor. `None` = an exception is pending.
pub(crate) fn create(class: &str, arguments: &mut [Zval]) -> Result<Option<Zval>, NoSuchClass> {
    let entry = find(class).ok_or(NoSuchClass)?;
    let Some(constructor) = ptr::NonNull::new(entry.constructor) else {
        return Err(NoSuchClass);
    };
    let mut made = super::exception::create(entry);
    let mut nothing = Zval::new();
    let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
    let Some(object) = made.object_mut().map(ptr::from_mut) else {
        return Err(NoSuchClass);
    };
    // SAFETY: a fresh object of the class that declares the constructor; as many arguments as said,
    // which the engine copies.
    unsafe {
        zend_call_known_function(
            constructor.as_ptr(),
            object,
            ptr::from_ref(entry).cast_mut(),
            &raw mut nothing,
            count,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
        );
    }
    Ok((!is_throwing()).then_some(made))
}

/// What `$object->$method($argument_text)` returns; `None` when there is no such method, or an exception
/// is pending.
pub(crate) fn method(object: &Zval, method: &str, argument_text: &str) -> Option<Zval> {
    let mut object = object.shallow_clone();
    let object = object.object_mut().map(ptr::from_mut)?;
    let mut result = Zval::new();
    let mut argument = Zval::new();
    argument.set_zend_string(ZendStr::new(argument_text, false));
    // SAFETY: a method of the object's class, its name in lower case; the engine copies the argument.
    unsafe {
        let class = (*object).ce;
        let table = &raw const (*class).function_table;
        let found = zend_hash_str_find_ptr_lc(table, method.as_ptr().cast(), method.len());
        if found.is_null() {
            return None;
        }
        zend_call_known_function(
            found.cast(),
            object,
            class,
            &raw mut result,
            1,
            &raw mut argument,
            ptr::null_mut(),
        );
    }
    (!is_throwing()).then_some(result)
}

/// Classes of extensions live until the process ends.
fn find(class: &str) -> Option<&'static ClassEntry> {
    // SAFETY: PHP is running, so its table of classes exists; the entry is one of an extension.
    unsafe {
        let table = (*ext_php_rs_executor_globals()).class_table;
        let found = zend_hash_str_find_ptr_lc(table, class.as_ptr().cast(), class.len());
        found.cast::<ClassEntry>().as_ref()
    }
}
