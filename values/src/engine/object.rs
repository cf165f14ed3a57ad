//! Objects and references. Unsafe under the contract of [`super`].

use super::guard::shim;
use super::{Class, Slot, Table};
use ext_php_rs::ffi::{_zend_reference, zend_object};

/// Type and flags of a reference's header; the shim asserts it.
const REFERENCE_INFO: u32 = 0x1a;
/// Flag: the destructor has run or must not; the shim asserts it.
const DESTRUCTOR_CALLED: u32 = 0x100;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instance(*mut zend_object);

impl Instance {
    #[inline]
    pub(crate) fn new(object: *mut zend_object) -> Self {
        Self(object)
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut zend_object {
        self.0
    }

    #[inline]
    pub(crate) fn references(self) -> u32 {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.refcount }
    }

    #[inline]
    pub(crate) fn hold(self) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.refcount += 1 }
    }

    /// Gives up a hold unless it is the last reference; returns whether it did.
    #[inline]
    pub(crate) fn release_shared(self) -> bool {
        // SAFETY: contract of the module.
        unsafe {
            if (*self.0).gc.refcount == 1 {
                return false;
            }
            (*self.0).gc.refcount -= 1;
        }
        true
    }

    #[inline]
    pub(crate) fn class(self) -> Class {
        // SAFETY: contract of the module.
        Class::new(unsafe { (*self.0).ce })
    }

    /// First of the slots of declared properties; the class tells how many.
    #[inline]
    pub(crate) fn slots(self) -> Slot {
        // SAFETY: contract of the module.
        Slot::new(unsafe { (&raw const (*self.0).properties_table).cast() })
    }

    /// The table of all properties, if one was made: then it also has the dynamic ones.
    #[inline]
    pub(crate) fn table(self) -> Option<Table> {
        // SAFETY: contract of the module.
        let table = unsafe { (*self.0).properties };
        (!table.is_null()).then(|| Table::new(table))
    }

    /// The table of all properties, made if need be, so that a dynamic one can be added.
    pub(crate) fn make_table(self) -> Table {
        // SAFETY: the standard handler builds a table and runs no code.
        Table::new(unsafe { shim::values_dynamic_properties(self.0) })
    }

    /// True when reading the slots or the table tells all there is.
    pub(crate) fn has_standard_properties(self) -> bool {
        // SAFETY: contract of the module.
        unsafe { shim::values_standard_properties(self.0) }
    }

    /// Keeps the destructor from ever running: the object was never complete.
    pub(crate) fn forbid_destructor(self) {
        // SAFETY: the decoder made the object.
        unsafe { (*self.0).gc.u.type_info |= DESTRUCTOR_CALLED }
    }
}

/// A PHP reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link(*mut _zend_reference);

impl Link {
    #[inline]
    pub(crate) fn new(reference: *mut _zend_reference) -> Self {
        Self(reference)
    }

    /// A new reference to null, with one count for the caller.
    pub(crate) fn create() -> Self {
        // SAFETY: the allocation is of the structure's size, and every field is set.
        unsafe {
            let reference =
                shim::values_alloc(size_of::<_zend_reference>()).cast::<_zend_reference>();
            (*reference).gc.refcount = 1;
            (*reference).gc.u.type_info = REFERENCE_INFO;
            (*reference).sources.ptr = std::ptr::null_mut();
            let link = Self(reference);
            link.target().put_null();
            link
        }
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut _zend_reference {
        self.0
    }

    #[inline]
    pub(crate) fn references(self) -> u32 {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.refcount }
    }

    #[inline]
    pub(crate) fn hold(self) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.refcount += 1 }
    }

    #[inline]
    pub(crate) fn target(self) -> Slot {
        // SAFETY: contract of the module.
        Slot::new(unsafe { &raw const (*self.0).val })
    }
}
