//! A zend_array. Unsafe under the contract of [`super`].

use super::guard::shim;
use super::{Slot, Text};
use ext_php_rs::ffi::{_Bucket, _zend_new_array, GC_IMMUTABLE, HashTable, zend_empty_array};
use std::ptr;

/// Flags of an array; the shim asserts them.
const PACKED: u32 = 1 << 2;
const EMPTY_INDIRECT: u32 = 1 << 5;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table(*mut HashTable);

/// A key of an array.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Int(i64),
    String(Text),
}

impl Table {
    #[inline]
    pub(crate) fn new(table: *const HashTable) -> Self {
        Self(table.cast_mut())
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut HashTable {
        self.0
    }

    #[inline]
    fn flags(self) -> u32 {
        // SAFETY: contract of the module.
        unsafe { (*self.0).u.flags }
    }

    #[inline]
    pub(crate) fn is_immutable(self) -> bool {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.u.type_info & GC_IMMUTABLE != 0 }
    }

    #[inline]
    pub(crate) fn references(self) -> u32 {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.refcount }
    }

    /// Counts one more reference, so that user code which writes to the array gets a copy. Returns
    /// whether it did; [`super::guard::release_table`] undoes it.
    #[inline]
    pub(crate) fn hold(self) -> bool {
        if self.is_immutable() {
            return false;
        }
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.refcount += 1 }
        true
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

    /// Elements, as PHP's count() would say.
    #[inline]
    pub(crate) fn len(self) -> usize {
        if self.flags() & EMPTY_INDIRECT != 0 {
            return self.entries().count();
        }
        // SAFETY: contract of the module.
        unsafe { (*self.0).nNumOfElements as usize }
    }

    /// Slots in use, holes included.
    #[inline]
    pub(crate) fn used(self) -> usize {
        // SAFETY: contract of the module.
        unsafe { (*self.0).nNumUsed as usize }
    }

    #[inline]
    pub(crate) fn is_packed(self) -> bool {
        self.flags() & PACKED != 0
    }

    /// True when every slot in use holds an element.
    #[inline]
    pub(crate) fn is_dense(self) -> bool {
        // SAFETY: contract of the module.
        let full = unsafe { (*self.0).nNumUsed == (*self.0).nNumOfElements };
        full && self.flags() & EMPTY_INDIRECT == 0
    }

    /// First slot of a packed array.
    #[inline]
    pub(crate) fn packed(self) -> Slot {
        // SAFETY: contract of the module; the caller checked `is_packed`.
        Slot::new(unsafe { (*self.0).__bindgen_anon_1.arPacked })
    }

    #[inline]
    fn bucket(self, position: usize) -> *mut _Bucket {
        // SAFETY: contract of the module; the caller stays below `used`.
        unsafe { (*self.0).__bindgen_anon_1.arData.add(position) }
    }

    /// Slot at a position below `used` of an array that is not packed.
    #[inline]
    pub(crate) fn mixed(self, position: usize) -> Slot {
        Slot::new(self.bucket(position).cast())
    }

    /// Key at a position below `used` of an array that is not packed.
    #[inline]
    pub(crate) fn key(self, position: usize) -> Key {
        // SAFETY: contract of the module; a key is null or a string.
        unsafe {
            let bucket = self.bucket(position);
            if (*bucket).key.is_null() {
                Key::Int((*bucket).h.cast_signed())
            } else {
                Key::String(Text::new((*bucket).key))
            }
        }
    }

    /// Hash of the key at a position below `used`, or the key itself if it is an integer.
    #[inline]
    pub(crate) fn key_hash(self, position: usize) -> u64 {
        // SAFETY: contract of the module.
        unsafe { (*self.bucket(position)).h }
    }

    /// String key at a position below `used`, null for an integer.
    #[inline]
    pub(crate) fn key_pointer(self, position: usize) -> *mut ext_php_rs::ffi::zend_string {
        // SAFETY: contract of the module.
        unsafe { (*self.bucket(position)).key }
    }

    /// Key and value at a position below `used`; `None` for a hole.
    pub(crate) fn entry(self, position: usize) -> Option<(Key, Slot)> {
        let (key, mut slot) = if self.is_packed() {
            let index = i64::try_from(position).unwrap_or(i64::MAX);
            (Key::Int(index), self.packed().step(position))
        } else {
            (self.key(position), self.mixed(position))
        };
        if let super::View::Indirect(target) = slot.view() {
            slot = target;
        }
        (!slot.is_undef()).then_some((key, slot))
    }

    /// All elements in order.
    pub(crate) fn entries(self) -> impl Iterator<Item = (Key, Slot)> {
        (0..self.used()).filter_map(move |position| self.entry(position))
    }

    /// The index that `$array[] = …` would take, 0 if no integer key was ever there.
    #[inline]
    pub(crate) fn next_index(self) -> i64 {
        // SAFETY: contract of the module.
        let next = unsafe { (*self.0).nNextFreeElement };
        // PHP 8.3 marks a fresh array so; 8.2 may use 0.
        if next == i64::MIN { 0 } else { next }
    }

    pub(crate) fn set_next_index(self, next: i64) {
        // SAFETY: the decoder owns the array it builds.
        unsafe { (*self.0).nNextFreeElement = next }
    }

    /// The immutable array without elements.
    pub(crate) fn empty() -> Self {
        Self::new(&raw const zend_empty_array)
    }

    /// A new array with room for `count` elements, none of them there yet.
    pub(crate) fn with_room(count: u32) -> Self {
        // SAFETY: `count` is below the engine's limit, see Limits.
        Self(unsafe { _zend_new_array(count) })
    }

    /// A new packed array with room for `count` elements; `set_packed_len` tells how many are there.
    #[inline]
    pub(crate) fn new_packed(count: u32) -> Self {
        // SAFETY: as in `with_room`.
        Self(unsafe { shim::values_new_packed(count) })
    }

    /// A new array for string keys with room for `count` elements.
    pub(crate) fn new_mixed(count: u32) -> Self {
        let table = Self::with_room(count);
        // SAFETY: the array is new.
        unsafe { shim::values_hash_init_mixed(table.0) }
        table
    }

    /// A table for `count` columns that outlives the request and is never freed.
    pub(crate) fn new_permanent(count: u32) -> Self {
        // SAFETY: as in `with_room`.
        Self(unsafe { shim::values_new_permanent(count) })
    }

    /// Declares the first `count` slots of a packed array to be elements.
    #[inline]
    pub(crate) fn set_packed_len(self, count: u32) {
        // SAFETY: the decoder owns the array and has written those slots.
        unsafe {
            (*self.0).nNumUsed = count;
            (*self.0).nNumOfElements = count;
            (*self.0).nNextFreeElement = i64::from(count);
        }
    }

    /// Adds a null under `key`; the table takes a reference of its own. `None` if it is there.
    pub(crate) fn add(self, key: Text) -> Option<Slot> {
        // SAFETY: the decoder owns the array.
        let slot = unsafe { shim::values_hash_add(self.0, key.as_ptr()) };
        (!slot.is_null()).then(|| Slot::new(slot))
    }

    /// Adds a null under `key` to a table made by [`Self::new_mixed`] with room for it, and takes the
    /// caller's reference. False if it is there: then the reference stays the caller's.
    #[inline]
    pub(crate) fn add_column(self, key: Text) -> bool {
        // SAFETY: the decoder owns the array; the shim looks for room.
        unsafe { shim::values_hash_add_column(self.0, key.as_ptr()) }
    }

    /// Adds a null under `index`. `None` if it is there.
    pub(crate) fn add_index(self, index: i64) -> Option<Slot> {
        // SAFETY: the decoder owns the array.
        let slot = unsafe { shim::values_hash_index_add(self.0, index.cast_unsigned()) };
        (!slot.is_null()).then(|| Slot::new(slot))
    }

    /// A new array of the same keys, every value null.
    #[inline]
    pub(crate) fn like(self) -> Self {
        // SAFETY: `self` was made by `new_mixed` and `add`, so it has no holes.
        Self(unsafe { shim::values_hash_like(self.0) })
    }

    /// What PHP's array rules make of a string key: an index if it is a decimal integer.
    pub(crate) fn numeric_key(key: &[u8]) -> Option<i64> {
        match key.first() {
            Some(b'0'..=b'9' | b'-') => {}
            _ => return None,
        }
        let mut index = 0;
        // SAFETY: the bytes and the result live here.
        let numeric = unsafe {
            shim::values_numeric_key(key.as_ptr().cast(), key.len(), ptr::from_mut(&mut index))
        };
        numeric.then(|| index.cast_signed())
    }
}
