//! Making and throwing exceptions property by property, without constructors.
//!
//! Contract: everything here allocates on PHP's heap and may leave by longjmp. What is only borrowed
//! from Rust memory is kept alive by `hold`, not by the frame.
#![allow(unsafe_code)]

use super::cursor::{Cursor, Step};
use super::ffi::zend_update_property;
use ext_php_rs::ffi::{zend_ce_error, zend_ce_exception, zend_throw_exception_object};
use ext_php_rs::types::{ZendObject, ZendStr, Zval};
use ext_php_rs::zend::ClassEntry;
use std::cell::RefCell;
use std::ptr;
use std::thread::LocalKey;

/// What `Exception` and `Error` declare.
const BASE_PROPERTIES: [&str; 7] =
    ["message", "code", "file", "line", "trace", "previous", "string"];

/// What is lent by [`hold`].
pub(crate) type Held<T> = RefCell<Vec<Box<T>>>;

/// Keeps `value` in `place` while `work` runs, which may call into PHP: user code may come here again
/// meanwhile, and each has a value of its own. What a longjmp leaves behind stays until the owner of
/// `place` clears it, when no such frame exists any more.
pub(crate) fn hold<T, R>(
    place: &'static LocalKey<Held<T>>,
    value: T,
    work: impl FnOnce(&T) -> R,
) -> R {
    let value = Box::new(value);
    let address: *const T = &raw const *value;
    place.with_borrow_mut(|held| held.push(value));
    // SAFETY: the box stays in `place` until the line below, or longer.
    let result = work(unsafe { &*address });
    // Not always the last: fibers end in any order.
    place.with_borrow_mut(|held| held.retain(|other| !ptr::eq(&raw const **other, address)));
    result
}

/// An object of `class`, which is throwable, with file, line and trace of here, and nothing else set.
pub(crate) fn create(class: &ClassEntry) -> Zval {
    let object = ZendObject::new(class).into_raw();
    let mut value = Zval::new();
    // SAFETY: a fresh object with one reference, which is the one that `set_object` adds.
    unsafe {
        value.set_object(&mut *object);
        ext_php_rs::ffi::ext_php_rs_zend_object_release(object);
    }
    value
}

/// Assigns one of the properties that `Exception` or `Error` declares, private ones too, or one that
/// the class or a parent declares.
pub(crate) fn set(exception: &mut Zval, name: &str, mut value: Zval) {
    let Some(object) = exception.object_mut() else {
        return;
    };
    let scope = scope_of(object, name);
    // SAFETY: the engine copies the value; the scope may write the property.
    unsafe {
        zend_update_property(scope, object, name.as_ptr().cast(), name.len(), &raw mut value);
    }
}

/// Reads a property that [`set`] could write.
pub(crate) fn get(exception: &mut Zval, name: &str) -> Zval {
    let Some(object) = exception.object_mut() else {
        return Zval::null();
    };
    let scope = scope_of(object, name);
    // SAFETY: a class of the engine's or the object's own.
    super::properties::get(object, unsafe { &*scope }, name)
}

/// Assigns further properties, keyed as `get_mangled_object_vars()` gives them. A property that the
/// class does not declare, or whose type refuses the value, is left out.
pub(crate) fn set_mangled(exception: &mut Zval, properties: &Zval) {
    let Some(mut cursor) = Cursor::new(properties).filter(|_| properties.is_array()) else {
        return;
    };
    while let Step::Item { key, value } = cursor.next() {
        if let Some(Ok(key)) = key.zend_str().map(ZendStr::as_str) {
            assign_mangled(exception, key, value);
        }
    }
}

fn assign_mangled(exception: &mut Zval, key: &str, value: Zval) {
    let Some(object) = exception.object_mut() else {
        return;
    };
    let own = object.get_class_entry();
    let (declared_by, name) = match key.strip_prefix('\0').and_then(|rest| rest.split_once('\0')) {
        None => (Some(own), key),
        Some(("*", name)) => (Some(own), name),
        Some((class, name)) => (ancestor(own, class), name),
    };
    let Some(scope) = declared_by.filter(|_| !BASE_PROPERTIES.contains(&name)) else {
        return;
    };
    super::properties::set(object, scope, name, value);
    clear();
}

fn ancestor(class: &'static ClassEntry, name: &str) -> Option<&'static ClassEntry> {
    let mut next = Some(class);
    while let Some(class) = next {
        if class.name() == Some(name) {
            return next;
        }
        next = class.parent();
    }
    None
}

/// Forgets a pending exception, unless it is the engine's own for `exit()`.
pub(crate) fn clear() {
    drop(take());
}

/// The class whose code may write the property: private ones belong to the base.
fn scope_of(object: &ZendObject, name: &str) -> *mut ClassEntry {
    let class = object.get_class_entry();
    if !BASE_PROPERTIES.contains(&name) {
        return ptr::from_ref(class).cast_mut();
    }
    // SAFETY: set by the engine at start-up, never changed.
    let (exception, error) = unsafe { (zend_ce_exception, zend_ce_error) };
    // SAFETY: as above, so it points to a class.
    if class.instance_of(unsafe { &*exception }) { exception } else { error }
}

/// Throws, as the last thing a handler does.
pub(crate) fn throw(exception: Zval) {
    let mut exception = std::mem::ManuallyDrop::new(exception);
    // SAFETY: a throwable, whose reference the engine takes over.
    unsafe { zend_throw_exception_object(&raw mut *exception) };
}

/// Takes the pending exception away; `None` when there is none, or when it is the engine's own for
/// `exit()`, which has to go on.
pub(crate) fn take() -> Option<Zval> {
    // SAFETY: PHP is running, so its globals exist; the pending exception is an object.
    unsafe {
        let globals = ext_php_rs::ffi::ext_php_rs_executor_globals();
        let object = (*globals).exception.as_mut()?;
        if !object.instance_of(&*ext_php_rs::ffi::zend_ce_throwable) {
            return None;
        }
        let mut value = Zval::new();
        value.set_object(object);
        super::ffi::zend_clear_exception();
        Some(value)
    }
}
