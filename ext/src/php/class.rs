//! Registering classes beyond what ext-php-rs's builder does: typed properties, attribute classes,
//! sensitive parameters; and finding them again.
//!
//! Contract: everything that registers is called from MINIT, on the main thread; class entries of an
//! extension live until the process ends.
#![allow(unsafe_code)]

use super::ffi::{
    spl_ce_LogicException, spl_ce_RuntimeException, zend_add_attribute,
    zend_declare_typed_property, zend_internal_attribute_register,
};
use ext_php_rs::args::ArgInfoTables;
use ext_php_rs::builders::{ClassBuilder, EnumBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::ffi::{
    _ZEND_TYPE_NAME_BIT, IS_ARRAY, IS_DOUBLE, IS_FALSE, IS_LONG, IS_NULL, IS_STRING, IS_TRUE,
    ext_php_rs_compiler_globals, zend_empty_array, zend_function, zend_hash_str_find_ptr_lc,
    zend_type,
};
use ext_php_rs::flags::{ClassFlags, PropertyFlags};
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::ClassEntry;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A class of this extension, once registered.
#[derive(Debug)]
pub(crate) struct Class(AtomicPtr<ClassEntry>);

/// Where a registration leaves its result: the builder takes a function without captures.
static REGISTERED: AtomicPtr<ClassEntry> = AtomicPtr::new(ptr::null_mut());

/// `ZEND_ACC_READONLY` of a property.
const READONLY: u32 = 1 << 7;

/// Types a property can have, as the engine's `MAY_BE_*` mask.
pub(crate) mod ty {
    use super::{IS_ARRAY, IS_DOUBLE, IS_FALSE, IS_LONG, IS_NULL, IS_STRING, IS_TRUE};

    pub(crate) const BOOL: u32 = 1 << IS_FALSE | 1 << IS_TRUE;
    pub(crate) const INT: u32 = 1 << IS_LONG;
    pub(crate) const FLOAT: u32 = 1 << IS_DOUBLE;
    pub(crate) const STRING: u32 = 1 << IS_STRING;
    pub(crate) const NULL: u32 = 1 << IS_NULL;
    pub(crate) const ARRAY: u32 = 1 << IS_ARRAY;
}

impl Class {
    pub(crate) const fn unregistered() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Registers what `builder` describes as this class.
    pub(crate) fn register(&'static self, builder: ClassBuilder) -> Result<()> {
        builder.registration(keep).register()?;
        self.0.store(REGISTERED.load(Ordering::Relaxed), Ordering::Release);
        Ok(())
    }

    /// Registers what `builder` describes as this enum.
    pub(crate) fn register_enum(&'static self, builder: EnumBuilder) -> Result<()> {
        builder.registration(keep).register()?;
        self.0.store(REGISTERED.load(Ordering::Relaxed), Ordering::Release);
        // As enums of PHP code are; the engine forgets it before 8.3.
        self.add_flags(ClassFlags::Final.bits());
        Ok(())
    }

    /// The class entry; panics before registration.
    pub(crate) fn entry(&self) -> &'static ClassEntry {
        // SAFETY: null or an entry that lives until the process ends.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }.expect("registered in MINIT")
    }

    fn raw(&self) -> *mut ClassEntry {
        self.0.load(Ordering::Acquire)
    }

    /// Sets further bits of `ce_flags`.
    pub(crate) fn add_flags(&self, flags: u32) {
        // SAFETY: registered, and nobody else looks at it during MINIT.
        unsafe { (*self.raw()).ce_flags |= flags };
    }

    /// Declares a property with a type mask of `ty`. Without a default it is uninitialised.
    pub(crate) fn property(
        &self,
        name: &str,
        access: PropertyFlags,
        mask: u32,
        default: Option<Zval>,
    ) {
        self.declare(name, access.bits(), mask, default);
    }

    /// Declares a public readonly property without default.
    pub(crate) fn readonly_property(&self, name: &str, mask: u32) {
        self.declare(name, PropertyFlags::Public.bits() | READONLY, mask, None);
    }

    /// As [`Self::readonly_property`], for objects of `class` and what `mask` names besides.
    pub(crate) fn readonly_object(&self, name: &str, class: &str, mask: u32) {
        let class = ZendStr::new_interned(class, true).into_raw();
        let ty = zend_type { ptr: class.cast(), type_mask: _ZEND_TYPE_NAME_BIT | mask };
        self.declare_typed(name, PropertyFlags::Public.bits() | READONLY, ty, None);
    }

    fn declare(&self, name: &str, access: u32, mask: u32, default: Option<Zval>) {
        let ty = zend_type { ptr: ptr::null_mut(), type_mask: mask };
        self.declare_typed(name, access, ty, default);
    }

    fn declare_typed(&self, name: &str, access: u32, ty: zend_type, default: Option<Zval>) {
        let name = ZendStr::new_interned(name, true).into_raw();
        // SAFETY: all zero is IS_UNDEF, "no default".
        let mut default = default.unwrap_or_else(|| unsafe { std::mem::zeroed() });
        let access = i32::try_from(access).unwrap_or_default();
        // SAFETY: an entry of ours, an interned name, a default without reference count.
        unsafe {
            zend_declare_typed_property(
                self.raw(),
                name,
                &raw mut default,
                access,
                ptr::null_mut(),
                ty,
            );
        }
    }

    /// Makes the class usable as an attribute on what `targets` (`Attribute::TARGET_*`) says.
    pub(crate) fn attribute(&self, targets: u32) {
        // SAFETY: an entry of ours.
        unsafe { zend_internal_attribute_register(self.raw(), targets) };
    }

    /// Adds types of a `ty` mask to what a method's parameter shows to be of; the builder knows no
    /// unions.
    pub(crate) fn widen(&self, method: &str, parameter: usize, mask: u32) {
        // SAFETY: as of `sensitive`; see `widen_in`.
        unsafe { widen_in(&raw const (*self.raw()).function_table, method, parameter, mask) };
    }

    /// Keeps a method's argument out of traces.
    pub(crate) fn sensitive(&self, method: &str, parameter: u32) {
        let name = ZendStr::new_interned("SensitiveParameter", true).into_raw();
        // SAFETY: the function table of an entry of ours holds `zend_function`s; attributes of the
        // internal function are kept in its own, persistent memory by `zend_add_attribute`.
        unsafe {
            let table = &raw const (*self.raw()).function_table;
            let found = zend_hash_str_find_ptr_lc(table, method.as_ptr().cast(), method.len());
            if let Some(function) = found.cast::<zend_function>().as_mut() {
                let attributes = (&raw mut function.common.attributes).cast();
                // Offsets of parameters begin with 1; 0 is the function itself.
                zend_add_attribute(attributes, name, 0, 1, parameter + 1, 0);
            }
        }
    }

    /// Lets `create` make the objects of this class.
    pub(crate) fn created_by(
        &self,
        create: unsafe extern "C" fn(*mut ClassEntry) -> *mut ZendObject,
    ) {
        // SAFETY: registered, and no object exists during MINIT.
        unsafe { (*self.raw()).__bindgen_anon_2.create_object = Some(create) };
    }
}

/// As [`Class::widen`], of a function of this extension.
pub(crate) fn widen(function: &str, parameter: usize, mask: u32) {
    // SAFETY: modules register their functions before their MINIT; see `widen_in`.
    unsafe {
        widen_in((*ext_php_rs_compiler_globals()).function_table, function, parameter, mask);
    }
}

/// # Safety
/// `table` holds functions of this extension under names in lower case; their argument info is in
/// memory of its own, made by the builder or copied by the engine, and nobody looks at it in MINIT.
unsafe fn widen_in(table: *const ZendHashTable, name: &str, parameter: usize, mask: u32) {
    // SAFETY: the caller's promise; there are as many entries as arguments.
    unsafe {
        let found = zend_hash_str_find_ptr_lc(table, name.as_ptr().cast(), name.len());
        if let Some(function) = found.cast::<zend_function>().as_mut()
            && parameter < function.internal_function.num_args.try_into().unwrap_or(0)
        {
            let info = function.internal_function.arg_info.add(parameter);
            (*info).type_.type_mask |= mask;
        }
    }
}

/// `DateTimeInterface`.
pub(crate) fn date_time_interface() -> &'static ClassEntry {
    // SAFETY: set by the date extension's MINIT, never changed; it is a part of PHP.
    unsafe { super::ffi::php_date_get_interface_ce().as_ref() }.expect("dates are part of PHP")
}

/// The parent of our exceptions. Its extension starts before any that is loaded from a file.
pub(crate) fn runtime_exception() -> &'static ClassEntry {
    // SAFETY: set by the SPL's MINIT, never changed.
    unsafe { spl_ce_RuntimeException.as_ref() }.expect("the SPL is part of PHP")
}

/// What a program's own mistakes are thrown as.
pub(crate) fn logic_exception() -> &'static ClassEntry {
    // SAFETY: set by the SPL's MINIT, never changed.
    unsafe { spl_ce_LogicException.as_ref() }.expect("the SPL is part of PHP")
}

/// The engine's immutable empty array, as a default value.
pub(crate) fn empty_array() -> Zval {
    let mut value = Zval::new();
    value.value.arr = (&raw const zend_empty_array).cast_mut();
    value.u1.type_info = IS_ARRAY;
    value
}

fn keep(entry: &'static mut ClassEntry, arg_info: ArgInfoTables) {
    // The engine points into these until the process ends.
    std::mem::forget(arg_info);
    REGISTERED.store(entry, Ordering::Relaxed);
}
