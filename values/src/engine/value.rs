//! A zval, to read and to write. Unsafe under the contract of [`super`]: the pointer is valid while
//! its container is held, and only the decoder, which owns what it builds, writes through it.

use super::{Instance, Link, Table, Text};
use ext_php_rs::ffi::{
    IS_ARRAY, IS_ARRAY_EX, IS_DOUBLE, IS_FALSE, IS_INDIRECT, IS_INTERNED_STRING_EX, IS_LONG,
    IS_NULL, IS_OBJECT, IS_OBJECT_EX, IS_REFERENCE, IS_REFERENCE_EX, IS_RESOURCE, IS_STRING,
    IS_STRING_EX, IS_TRUE, IS_UNDEF, zval,
};
use std::mem::ManuallyDrop;

/// Type of a zval in its `u1.v.type_`.
pub(crate) const INT: u32 = IS_LONG;
pub(crate) const FLOAT: u32 = IS_DOUBLE;
pub(crate) const STRING: u32 = IS_STRING;
pub(crate) const NULL: u32 = IS_NULL;
pub(crate) const FALSE: u32 = IS_FALSE;
pub(crate) const TRUE: u32 = IS_TRUE;

/// Bits above the type: whether the value is counted.
const TYPE_MASK: u32 = 0xff;
const FLAGS_MASK: u32 = 0xff00;

/// Where a value is, or is to be.
#[derive(Clone, Copy)]
pub(crate) struct Slot(*mut zval);

/// What a value is.
#[derive(Clone, Copy)]
pub(crate) enum View {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Text),
    Array(Table),
    Object(Instance),
    Reference(Link),
    Indirect(Slot),
    Resource,
    /// A constant expression not yet evaluated, or a type of a later PHP.
    Unknown,
}

impl Slot {
    pub(crate) fn new(zval: *const zval) -> Self {
        Self(zval.cast_mut())
    }

    pub(crate) fn as_ptr(self) -> *mut zval {
        self.0
    }

    /// The slot `count` zvals further on.
    #[inline]
    pub(crate) fn step(self, count: usize) -> Self {
        // SAFETY: the caller stays inside the table it walks.
        Self(unsafe { self.0.add(count) })
    }

    #[inline]
    fn type_info(self) -> u32 {
        // SAFETY: contract of the module.
        unsafe { (*self.0).u1.type_info }
    }

    #[inline]
    pub(crate) fn kind(self) -> u32 {
        self.type_info() & TYPE_MASK
    }

    #[inline]
    pub(crate) fn is_reference(self) -> bool {
        self.kind() == IS_REFERENCE
    }

    /// Whether the value has a reference count.
    #[inline]
    pub(crate) fn is_counted(self) -> bool {
        self.type_info() & FLAGS_MASK != 0
    }

    #[inline]
    pub(crate) fn is_undef(self) -> bool {
        self.kind() == IS_UNDEF
    }

    /// The integer of a slot whose kind is [`INT`].
    #[inline]
    pub(crate) fn int(self) -> i64 {
        // SAFETY: contract of the module; every bit pattern is an integer.
        unsafe { (*self.0).value.lval }
    }

    /// The bits of a slot whose kind is [`FLOAT`].
    #[inline]
    pub(crate) fn float_bits(self) -> u64 {
        // SAFETY: as for `int`.
        unsafe { (*self.0).value.dval }.to_bits()
    }

    /// The string of a slot whose kind is [`STRING`].
    #[inline]
    pub(crate) fn text(self) -> Text {
        // SAFETY: contract of the module; the union is read as its type says.
        Text::new(unsafe { (*self.0).value.str_ })
    }

    #[inline]
    pub(crate) fn view(self) -> View {
        // SAFETY: contract of the module; the union is read as its type says.
        unsafe {
            let value = &(*self.0).value;
            match self.kind() {
                IS_UNDEF | IS_NULL => View::Null,
                IS_FALSE => View::Bool(false),
                IS_TRUE => View::Bool(true),
                IS_LONG => View::Int(value.lval),
                IS_DOUBLE => View::Float(value.dval),
                IS_STRING => View::String(Text::new(value.str_)),
                IS_ARRAY => View::Array(Table::new(value.arr)),
                IS_OBJECT => View::Object(Instance::new(value.obj)),
                IS_REFERENCE => View::Reference(Link::new(value.ref_)),
                IS_INDIRECT => View::Indirect(Slot(value.zv)),
                IS_RESOURCE => View::Resource,
                _ => View::Unknown,
            }
        }
    }

    #[inline]
    fn put_type(self, type_info: u32) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).u1.type_info = type_info }
    }

    #[inline]
    pub(crate) fn put_null(self) {
        self.put_type(IS_NULL);
    }

    #[inline]
    pub(crate) fn put_bool(self, value: bool) {
        self.put_type(if value { IS_TRUE } else { IS_FALSE });
    }

    #[inline]
    pub(crate) fn put_int(self, value: i64) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).value.lval = value }
        self.put_type(IS_LONG);
    }

    #[inline]
    pub(crate) fn put_float(self, bits: u64) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).value.dval = f64::from_bits(bits) }
        self.put_type(IS_DOUBLE);
    }

    /// The reference to `value` passes to the slot.
    #[inline]
    pub(crate) fn put_string(self, value: Text) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).value.str_ = value.as_ptr() }
        self.put_type(if value.is_interned() { IS_INTERNED_STRING_EX } else { IS_STRING_EX });
    }

    /// The reference to `value` passes to the slot.
    #[inline]
    pub(crate) fn put_array(self, value: Table) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).value.arr = value.as_ptr() }
        self.put_type(if value.is_immutable() { IS_ARRAY } else { IS_ARRAY_EX });
    }

    /// The reference to `value` passes to the slot.
    #[inline]
    pub(crate) fn put_object(self, value: Instance) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).value.obj = value.as_ptr() }
        self.put_type(IS_OBJECT_EX);
    }

    /// The reference to `value` passes to the slot.
    #[inline]
    pub(crate) fn put_reference(self, value: Link) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).value.ref_ = value.as_ptr() }
        self.put_type(IS_REFERENCE_EX);
    }

    /// Moves the value of `from` here; `from` becomes null and the old value here is forgotten. What
    /// else the slot holds (a bucket's chain, a property's flags) stays.
    #[inline]
    pub(crate) fn take(self, from: Slot) {
        // SAFETY: contract of the module; no reference count changes, one owner replaces another.
        unsafe { (*self.0).value = (*from.0).value }
        self.put_type(from.type_info());
        from.put_null();
    }

    /// Copies the value of `from` here, counting one more reference.
    pub(crate) fn copy(self, from: Slot) {
        // SAFETY: contract of the module; a counted value begins with its reference count.
        unsafe {
            (*self.0).value = (*from.0).value;
            if from.type_info() & FLAGS_MASK != 0 {
                (*(*from.0).value.counted).gc.refcount += 1;
            }
        }
        self.put_type(from.type_info());
    }

    /// Clears the flags that the engine keeps beside a property's value.
    pub(crate) fn clear_property_flags(self) {
        // SAFETY: contract of the module.
        unsafe { (*self.0).u2.extra = 0 }
    }
}

/// A zval of our own, for results of the engine. What it holds at the end is forgotten, not dropped:
/// dropping can run code, so it is always said, see [`super::guard::drop_value`].
pub(crate) struct Temporary(ManuallyDrop<zval>);

impl Temporary {
    pub(crate) fn null() -> Self {
        Self(ManuallyDrop::new(zval::new()))
    }

    /// Valid until `self` moves.
    pub(crate) fn slot(&mut self) -> Slot {
        Slot::new(&raw const *self.0)
    }
}
