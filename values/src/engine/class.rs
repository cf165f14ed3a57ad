//! Classes and their properties. Unsafe under the contract of [`super`]; classes live as long as the
//! request.

use super::guard::shim;
use super::{Instance, Text};
use ext_php_rs::ffi::{
    ZEND_ACC_ANON_CLASS, ZEND_ACC_ENUM, ZEND_ACC_NO_DYNAMIC_PROPERTIES, ZEND_ACC_NOT_SERIALIZABLE,
    instanceof_function_slow, zend_ce_error, zend_ce_exception, zend_class_entry,
    zend_property_info,
};
use ext_php_rs::zend::ClassEntry;

/// `type` of a class that PHP code defines.
const ZEND_USER_CLASS: u32 = 2;
/// Set in a property's flags when it is readonly (PHP 8.1 and later).
const READONLY: u32 = 1 << 7;
/// The bits of a type that name types; none set means that no type was declared.
const TYPE_MASK: u32 = (1 << 25) - 1;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class(*mut zend_class_entry);

impl Class {
    #[inline]
    pub(crate) fn new(class: *mut zend_class_entry) -> Self {
        Self(class)
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut zend_class_entry {
        self.0
    }

    #[inline]
    fn entry<'a>(self) -> &'a zend_class_entry {
        // SAFETY: contract of the module.
        unsafe { &*self.0 }
    }

    /// As a policy sees it.
    pub(crate) fn as_entry<'a>(self) -> &'a ClassEntry {
        self.entry()
    }

    pub(crate) fn name(self) -> Text {
        Text::new(self.entry().name)
    }

    fn has(self, flag: u32) -> bool {
        self.entry().ce_flags & flag != 0
    }

    /// File that defines the class; `None` for one of PHP or of an extension.
    pub(crate) fn source_file(self) -> Option<Vec<u8>> {
        if u32::from(self.entry().type_.cast_unsigned()) != ZEND_USER_CLASS {
            return None;
        }
        // SAFETY: the union's user part is there for a user class.
        let file = unsafe { self.entry().info.user.filename };
        if file.is_null() { Some(Vec::new()) } else { Some(Text::new(file).bytes().to_vec()) }
    }

    pub(crate) fn is_enum(self) -> bool {
        self.has(ZEND_ACC_ENUM)
    }

    pub(crate) fn is_anonymous(self) -> bool {
        self.has(ZEND_ACC_ANON_CLASS)
    }

    pub(crate) fn is_unserializable(self) -> bool {
        self.has(ZEND_ACC_NOT_SERIALIZABLE)
    }

    pub(crate) fn forbids_dynamic_properties(self) -> bool {
        self.has(ZEND_ACC_NO_DYNAMIC_PROPERTIES)
    }

    pub(crate) fn serializes(self) -> bool {
        !self.entry().__serialize.is_null()
    }

    pub(crate) fn unserializes(self) -> bool {
        !self.entry().__unserialize.is_null()
    }

    pub(crate) fn encodes_opaquely(self) -> bool {
        self.entry().serialize.is_some()
    }

    pub(crate) fn decodes_opaquely(self) -> bool {
        self.entry().unserialize.is_some()
    }

    pub(crate) fn has_method(self, name: &str) -> bool {
        // SAFETY: contract of the module; the name is read only during the call.
        unsafe { shim::values_has_method(self.0, name.as_ptr().cast(), name.len()) }
    }

    /// Exceptions and errors carry a trace whose arguments must not be sent.
    pub(crate) fn has_trace(self) -> bool {
        // SAFETY: the engine's classes are set at start-up.
        let bases = unsafe { [zend_ce_exception, zend_ce_error] };
        bases.into_iter().any(|base| {
            // SAFETY: both are classes.
            base == self.0 || unsafe { instanceof_function_slow(self.0, base) }
        })
    }

    /// True if objects hold more than properties show: the nearest class of PHP itself makes them in
    /// a way of its own. Its exceptions do so too, but keep everything in properties.
    pub(crate) fn has_hidden_state(self) -> bool {
        let mut class = self;
        while class.source_file().is_some() {
            // SAFETY: a linked class has its parent here, or null.
            let parent = unsafe { class.entry().__bindgen_anon_1.parent };
            if parent.is_null() {
                return false;
            }
            class = Self(parent);
        }
        // SAFETY: the field is read as create_object, which every class that has objects has.
        let creates = unsafe { class.entry().__bindgen_anon_2.create_object.is_some() };
        creates && !class.has_trace()
    }

    /// Slots for declared properties in each object.
    #[inline]
    pub(crate) fn slot_count(self) -> usize {
        usize::try_from(self.entry().default_properties_count).unwrap_or(0)
    }

    /// The declaration behind a slot below `slot_count`; `None` where a child hid it.
    pub(crate) fn property(self, slot: usize) -> Option<Property> {
        let table = self.entry().properties_info_table;
        if table.is_null() {
            return None;
        }
        // SAFETY: the table has an entry for each slot.
        let property = unsafe { *table.add(slot) };
        (!property.is_null()).then_some(Property(property))
    }

    /// True if a plain object can be made without running any code.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        // SAFETY: contract of the module.
        unsafe { shim::values_is_plain(self.0) }
    }

    /// A new object of a class that `is_plain`.
    #[inline]
    pub(crate) fn create_plain(self) -> Instance {
        // SAFETY: contract of the module.
        Instance::new(unsafe { shim::values_new_plain(self.0) })
    }
}

/// The declaration of a property.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Property(*mut zend_property_info);

impl Property {
    pub(crate) fn new(info: *mut zend_property_info) -> Self {
        Self(info)
    }

    pub(crate) fn as_ptr(self) -> *mut zend_property_info {
        self.0
    }

    fn info<'a>(self) -> &'a zend_property_info {
        // SAFETY: contract of the module.
        unsafe { &*self.0 }
    }

    /// Name with class or `*` in front where it is private or protected.
    pub(crate) fn name(self) -> Text {
        Text::new(self.info().name)
    }

    pub(crate) fn is_readonly(self) -> bool {
        self.info().flags & READONLY != 0
    }

    /// Types the property takes without a look at classes or conversions, one bit for each kind of
    /// zval; all bits where no type was declared.
    pub(crate) fn kinds(self) -> u32 {
        let mask = self.info().type_.type_mask & TYPE_MASK;
        if mask == 0 { u32::MAX } else { mask }
    }

    /// Position of the property among an object's slots.
    pub(crate) fn slot(self) -> usize {
        let first = std::mem::offset_of!(ext_php_rs::ffi::zend_object, properties_table);
        (self.info().offset as usize - first) / size_of::<ext_php_rs::ffi::zval>()
    }
}
