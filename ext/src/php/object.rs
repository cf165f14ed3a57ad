//! Objects that carry a Rust value.
//!
//! Contract: `T` stands before the `zend_object` in one allocation of the engine's, as PHP's own
//! internal classes do it; it is written when the object is created and dropped by `free_obj`, which
//! the engine calls exactly once, after a bailout too. Objects of a class registered by
//! [`Carried::install`] are made by it alone. They can be neither cloned nor serialised.
#![allow(unsafe_code)]

use super::class::Class;
use super::ffi::{GcBuffer, zend_get_gc_buffer_create, zend_get_gc_buffer_grow};
use ext_php_rs::ffi::{
    ZEND_ACC_NO_DYNAMIC_PROPERTIES, ZEND_ACC_NOT_SERIALIZABLE, ext_php_rs_zend_object_alloc,
    object_properties_init, std_object_handlers, zend_object_handlers, zend_object_std_dtor,
    zend_object_std_init,
};
use ext_php_rs::types::{ZendHashTable, ZendObject, Zval};
use ext_php_rs::zend::ClassEntry;
use std::ffi::c_int;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

#[repr(C)]
struct Carrier<T> {
    value: T,
    object: ZendObject,
}

/// The object handlers of one class, made once.
#[derive(Debug)]
pub(crate) struct Handlers(OnceLock<Table>);

#[derive(Debug)]
struct Table(Box<zend_object_handlers>);

// SAFETY: function pointers and an offset, never changed after they are made.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Handlers {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }
}

/// A Rust value that objects of a PHP class carry.
pub(crate) trait Carried: Default + 'static {
    fn class() -> &'static Class;
    fn handlers() -> &'static Handlers;

    /// Shows the PHP values held to the collector of cycles: an exception's trace holds arguments,
    /// and so, often, the very object that keeps the exception.
    fn trace(&self, _collector: &mut Collector) {}

    /// Prepares the class, in MINIT.
    fn install() {
        Self::class().created_by(create::<Self>);
        Self::class().add_flags(ZEND_ACC_NOT_SERIALIZABLE | ZEND_ACC_NO_DYNAMIC_PROPERTIES);
        Self::handlers().0.get_or_init(|| {
            // SAFETY: plain C data that the engine exports, copied.
            let mut table = Box::new(unsafe { std_object_handlers });
            table.offset = i32::try_from(offset_of!(Carrier<Self>, object)).unwrap_or_default();
            table.free_obj = Some(free::<Self>);
            table.clone_obj = None;
            table.get_gc = Some(collect::<Self>);
            Table(table)
        });
    }
}

/// # Safety
/// `object` is the field of a `Carrier<T>`.
unsafe fn carrier<T>(object: *mut ZendObject) -> *mut Carrier<T> {
    // SAFETY: so this stays within the allocation.
    unsafe { object.byte_sub(offset_of!(Carrier<T>, object)).cast() }
}

unsafe extern "C" fn create<T: Carried>(class: *mut ClassEntry) -> *mut ZendObject {
    // SAFETY: the engine gives a class that `T` was installed for; the allocation has room for the
    // carrier and the class's properties, and each part is initialised before it is read.
    unsafe {
        let memory = ext_php_rs_zend_object_alloc(size_of::<Carrier<T>>(), class);
        let carrier = memory.cast::<Carrier<T>>();
        (&raw mut (*carrier).value).write(T::default());
        let object = &raw mut (*carrier).object;
        zend_object_std_init(object, class);
        object_properties_init(object, class);
        if let Some(table) = T::handlers().0.get() {
            (*object).handlers = &raw const *table.0;
        }
        object
    }
}

/// Takes what [`Carried::trace`] shows.
pub(crate) struct Collector(*mut GcBuffer);

impl Collector {
    pub(crate) fn show(&mut self, value: &Zval) {
        // SAFETY: the engine's buffer, with room between `next` and `end`; the copy adds no
        // reference, which is how the engine's own inline function does it.
        unsafe {
            let buffer = &mut *self.0;
            if buffer.next == buffer.end {
                zend_get_gc_buffer_grow(buffer);
            }
            ptr::copy_nonoverlapping(value, buffer.next, 1);
            buffer.next = buffer.next.add(1);
        }
    }
}

unsafe extern "C" fn collect<T: Carried>(
    object: *mut ZendObject,
    table: *mut *mut Zval,
    count: *mut c_int,
) -> *mut ZendHashTable {
    // SAFETY: called by the engine for an object made by `create::<T>`, with places for the answer.
    unsafe {
        let buffer = zend_get_gc_buffer_create();
        (*carrier::<T>(object)).value.trace(&mut Collector(buffer));
        *table = (*buffer).start;
        *count = c_int::try_from((*buffer).next.offset_from((*buffer).start)).unwrap_or(0);
    }
    // No properties besides.
    ptr::null_mut()
}

unsafe extern "C" fn free<T: Carried>(object: *mut ZendObject) {
    // SAFETY: called once by the engine, for an object made by `create::<T>`.
    unsafe {
        ptr::drop_in_place(&raw mut (*carrier::<T>(object)).value);
        zend_object_std_dtor(object);
    }
}

/// An object of class `T`, held by whoever called us, and its value in short loans.
///
/// The engine keeps the object of a running method alive, so a handle is good for that long.
#[derive(Debug)]
pub(crate) struct Handle<T>(NonNull<ZendObject>, PhantomData<T>);

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T: Carried> Handle<T> {
    /// The object that `value` holds, if it is of the class.
    pub(crate) fn of_value(value: &Zval) -> Option<Self> {
        let value = value.dereference();
        if !value.is_object() {
            return None;
        }
        let ours = T::handlers().0.get().map(|table| ptr::from_ref(&*table.0));
        // SAFETY: the type says which field of the union is valid; only `create::<T>` makes objects
        // with these handlers.
        unsafe {
            let object = NonNull::new(value.value.obj)?;
            let theirs: *const zend_object_handlers = (*object.as_ptr()).handlers;
            (ours == Some(theirs)).then_some(Self(object, PhantomData))
        }
    }

    /// Makes an object around `value`, in `result`.
    pub(crate) fn create(value: T, result: &mut Zval) -> Option<Self> {
        *result = super::exception::create(T::class().entry());
        let handle = Self::of_value(result)?;
        handle.with(|place| *place = value);
        Some(handle)
    }

    /// Lends the value to `work`, which must not call into PHP: user code could reach the same
    /// object.
    pub(crate) fn with<R>(self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: `new` has checked the class; the object is alive (see the type), and no other
        // loan exists, since loans do not call into PHP.
        work(unsafe { &mut (*carrier::<T>(self.0.as_ptr())).value })
    }
}
