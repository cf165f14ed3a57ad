//! Calls that can run PHP code. The C shim catches a bailout; here it becomes an [`Outcome`], so no
//! longjmp crosses a Rust frame. Unsafe only to call the shim.

use super::{Class, Instance, Link, Property, Slot, Table, Temporary, Text};
use ext_php_rs::ffi::{HashTable, zend_class_entry};
use std::ptr;

/// The C side, see `shim/values.h`.
pub(super) mod shim {
    use ext_php_rs::ffi::{
        _zend_reference, HashTable, zend_class_entry, zend_object, zend_property_info, zend_string,
        zval,
    };
    use std::ffi::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub(in super::super) fn values_lift_memory_limit();
        pub(in super::super) fn values_has_headroom() -> bool;
        pub(in super::super) fn values_restore_memory_limit();
        pub(in super::super) fn values_call_serialize(
            object: *mut zend_object,
            result: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_call_unserialize(
            object: *mut zend_object,
            state: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_call_wakeup(object: *mut zend_object) -> c_int;
        pub(in super::super) fn values_has_method(
            class: *const zend_class_entry,
            name: *const c_char,
            length: usize,
        ) -> bool;
        pub(in super::super) fn values_call_sleep(
            object: *mut zend_object,
            result: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_properties(
            object: *mut zend_object,
            properties: *mut *mut HashTable,
        ) -> c_int;
        pub(in super::super) fn values_release_properties(properties: *mut HashTable) -> c_int;
        pub(in super::super) fn values_opaque_encode(
            object: *mut zend_object,
            result: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_opaque_decode(
            class: *mut zend_class_entry,
            bytes: *const c_char,
            length: usize,
            result: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_find_class(
            name: *mut zend_string,
            load: bool,
            found: *mut *mut zend_class_entry,
        ) -> c_int;
        pub(in super::super) fn values_new_object(
            class: *mut zend_class_entry,
            result: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_enum_case(
            class: *mut zend_class_entry,
            name: *mut zend_string,
            result: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_find_property(
            class: *mut zend_class_entry,
            name: *mut zend_string,
            found: *mut *mut zend_property_info,
        ) -> c_int;
        pub(in super::super) fn values_check_property(
            info: *mut zend_property_info,
            value: *mut zval,
        ) -> c_int;
        pub(in super::super) fn values_bind_reference(
            reference: *mut _zend_reference,
            info: *mut zend_property_info,
        );
        pub(in super::super) fn values_dynamic_properties(
            object: *mut zend_object,
        ) -> *mut HashTable;
        pub(in super::super) fn values_drop(value: *mut zval) -> c_int;
        pub(in super::super) fn values_numeric_key(
            bytes: *const c_char,
            length: usize,
            index: *mut u64,
        ) -> bool;
        pub(in super::super) fn values_resource_type(resource: *mut zval) -> *const c_char;
        pub(in super::super) fn values_standard_properties(object: *const zend_object) -> bool;
        pub(in super::super) fn values_is_plain(class: *const zend_class_entry) -> bool;
        pub(in super::super) fn values_new_plain(class: *mut zend_class_entry) -> *mut zend_object;
        pub(in super::super) fn values_alloc(bytes: usize) -> *mut c_void;
        pub(in super::super) fn values_new_packed(count: u32) -> *mut HashTable;
        pub(in super::super) fn values_new_permanent(count: u32) -> *mut HashTable;
        pub(in super::super) fn values_permanent_string(
            bytes: *const c_char,
            length: usize,
        ) -> *mut zend_string;
        pub(in super::super) fn values_hash_init_mixed(table: *mut HashTable);
        pub(in super::super) fn values_hash_index_add(
            table: *mut HashTable,
            index: u64,
        ) -> *mut zval;
        pub(in super::super) fn values_hash_add(
            table: *mut HashTable,
            key: *mut zend_string,
        ) -> *mut zval;
        pub(in super::super) fn values_hash_add_column(
            table: *mut HashTable,
            key: *mut zend_string,
        ) -> bool;
        pub(in super::super) fn values_string_free(string: *mut zend_string);
        pub(in super::super) fn values_hash_like(table: *const HashTable) -> *mut HashTable;
    }
}

/// How a call into the engine ended, other than well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An exception is pending.
    Thrown,
    /// The engine bailed out: no PHP value may be touched any more.
    Bailout,
    /// There is no such thing.
    Missing,
}

impl Outcome {
    /// What two calls came to: the first error, but a bailout before any other.
    pub(crate) fn both(first: Result<(), Self>, second: Result<(), Self>) -> Result<(), Self> {
        if second == Err(Self::Bailout) { second } else { first.and(second) }
    }
}

fn outcome(code: i32) -> Result<(), Outcome> {
    match code {
        0 => Ok(()),
        1 => Err(Outcome::Thrown),
        3 => Err(Outcome::Missing),
        _ => Err(Outcome::Bailout),
    }
}

/// What may be allocated without lifting `memory_limit` where there is headroom, in bytes.
pub(crate) const QUOTA_BYTES: usize = 256 << 10;

/// Whether [`QUOTA_BYTES`] are far from `memory_limit`, or it is lifted.
#[inline]
pub(crate) fn has_headroom() -> bool {
    // SAFETY: reads numbers of the allocator and of the configuration.
    unsafe { shim::values_has_headroom() }
}

/// While this lives, `memory_limit` may be lifted, except inside user code; afterwards it is in force
/// again.
pub(crate) struct Memory(());

impl Memory {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(())
    }

    #[cold]
    pub(crate) fn lift(&self) {
        // SAFETY: sets one number in the allocator.
        unsafe { shim::values_lift_memory_limit() }
    }
}

impl Drop for Memory {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: sets one number in the allocator, and raises no error.
        unsafe { shim::values_restore_memory_limit() }
    }
}

/// The array that `__serialize()` returns; the caller owns it.
pub(crate) fn call_serialize(object: Instance, result: Slot) -> Result<(), Outcome> {
    // SAFETY: contract of `engine`; as in every function below.
    outcome(unsafe { shim::values_call_serialize(object.as_ptr(), result.as_ptr()) })
}

pub(crate) fn call_unserialize(object: Instance, state: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_call_unserialize(object.as_ptr(), state.as_ptr()) })
}

pub(crate) fn call_wakeup(object: Instance) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_call_wakeup(object.as_ptr()) })
}

/// The properties that `__sleep()` names, keys mangled; the caller owns the array.
pub(crate) fn call_sleep(object: Instance, result: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_call_sleep(object.as_ptr(), result.as_ptr()) })
}

/// What an object with handlers of its own shows; give it back with [`release_properties`].
pub(crate) fn properties(object: Instance) -> Result<Table, Outcome> {
    let mut table: *mut HashTable = ptr::null_mut();
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_properties(object.as_ptr(), &raw mut table) })?;
    Ok(Table::new(table))
}

pub(crate) fn release_properties(table: Table) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_release_properties(table.as_ptr()) })
}

pub(crate) fn opaque_encode(object: Instance, result: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_opaque_encode(object.as_ptr(), result.as_ptr()) })
}

pub(crate) fn opaque_decode(class: Class, bytes: &[u8], result: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe {
        shim::values_opaque_decode(
            class.as_ptr(),
            bytes.as_ptr().cast(),
            bytes.len(),
            result.as_ptr(),
        )
    })
}

/// Looks a class up by name; with `load`, autoloaders run.
pub(crate) fn find_class(name: Text, load: bool) -> Result<Class, Outcome> {
    let mut found: *mut zend_class_entry = ptr::null_mut();
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_find_class(name.as_ptr(), load, &raw mut found) })?;
    Ok(Class::new(found))
}

pub(crate) fn new_object(class: Class, result: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_new_object(class.as_ptr(), result.as_ptr()) })
}

pub(crate) fn enum_case(class: Class, name: Text, result: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_enum_case(class.as_ptr(), name.as_ptr(), result.as_ptr()) })
}

/// The declared property that a mangled name means; `Ok(None)` if it would be a dynamic one,
/// `Err(Missing)` if it is no property name.
pub(crate) fn find_property(class: Class, name: Text) -> Result<Option<Property>, Outcome> {
    let mut found = ptr::null_mut();
    // SAFETY: see `call_serialize`; this one runs no code.
    let code = unsafe { shim::values_find_property(class.as_ptr(), name.as_ptr(), &raw mut found) };
    match outcome(code) {
        Ok(()) => Ok(Some(Property::new(found))),
        Err(Outcome::Missing) => Ok(None),
        Err(_) => Err(Outcome::Missing),
    }
}

/// Checks a value against a property's type, and converts it where the type asks for it.
pub(crate) fn check_property(property: Property, value: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_check_property(property.as_ptr(), value.as_ptr()) })
}

/// A reference in a typed property must know the type. Runs no code.
pub(crate) fn bind_reference(link: Link, property: Property) {
    // SAFETY: see `call_serialize`.
    unsafe { shim::values_bind_reference(link.as_ptr(), property.as_ptr()) }
}

/// Drops a value, leaving null. Destructors, and those of a garbage collection, may run.
pub(crate) fn drop_value(value: Slot) -> Result<(), Outcome> {
    // SAFETY: see `call_serialize`.
    outcome(unsafe { shim::values_drop(value.as_ptr()) })
}

/// Name of a resource's type.
pub(crate) fn resource_type(value: Slot) -> String {
    // SAFETY: the engine returns a C string that lives as long as the type.
    let name = unsafe { std::ffi::CStr::from_ptr(shim::values_resource_type(value.as_ptr())) };
    name.to_string_lossy().into_owned()
}

/// Gives up one reference to an array.
pub(crate) fn drop_table(table: Table) -> Result<(), Outcome> {
    if table.is_immutable() || table.release_shared() {
        return Ok(());
    }
    let mut last = Temporary::null();
    last.slot().put_array(table);
    drop_value(last.slot())
}

/// Gives up one reference to an object.
pub(crate) fn drop_object(object: Instance) -> Result<(), Outcome> {
    if object.release_shared() {
        return Ok(());
    }
    let mut last = Temporary::null();
    last.slot().put_object(object);
    drop_value(last.slot())
}

/// Gives up one count of a PHP reference.
pub(crate) fn drop_link(link: Link) -> Result<(), Outcome> {
    let mut last = Temporary::null();
    last.slot().put_reference(link);
    drop_value(last.slot())
}
