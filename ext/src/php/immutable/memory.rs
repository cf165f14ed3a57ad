//! The memory of one immutable value. Unsafe under the contract of [`super`].
#![allow(unsafe_code)]

use super::Immutable;
use crate::php::ffi::{
    _zend_hash_init, zend_hash_destroy, zend_hash_real_init_mixed, zend_hash_real_init_packed,
    zend_string_hash_func,
};
use ext_php_rs::ffi::{
    GC_IMMUTABLE, ext_php_rs_zend_string_init, ext_php_rs_zend_string_release, zend_refcounted_h,
    zend_string,
};
use ext_php_rs::types::{ZendHashTable, Zval};

/// `GC_PERSISTENT` of `zend_types.h`: malloc's memory.
const PERSISTENT: u32 = 1 << 7;

/// All that one value owns, in no order: strings and tables may stand in several tables.
pub(super) struct Memory {
    pub(super) strings: Vec<*mut zend_string>,
    pub(super) tables: Vec<*mut ZendHashTable>,
    pub(super) bytes: usize,
    bytes_max: usize,
}

impl Memory {
    pub(super) fn new(bytes_max: usize) -> Option<Self> {
        let mut memory = Self { strings: Vec::new(), tables: Vec::new(), bytes: 0, bytes_max };
        memory.take(size_of::<Immutable>())?;
        Some(memory)
    }

    /// # Safety
    /// There are `length` bytes.
    pub(super) unsafe fn string(
        &mut self,
        bytes: *const u8,
        length: usize,
    ) -> Option<*mut zend_string> {
        let size = size_of::<zend_string>().saturating_add(length);
        self.take(allocated(size).saturating_add(size_of::<*mut zend_string>()))?;
        // SAFETY: the bytes are copied into a string that nobody else knows yet.
        let string = unsafe {
            let string = ext_php_rs_zend_string_init(bytes.cast(), length, true);
            // Where the engine finds no hash it would write one.
            zend_string_hash_func(string);
            make_immutable(&mut (*string).gc);
            string
        };
        self.strings.push(string);
        Some(string)
    }

    /// A table with room for so many elements, that is not immutable yet.
    pub(super) fn table(&mut self, room: u32, packed: bool) -> Option<*mut ZendHashTable> {
        self.take(table_bytes(room, packed))?;
        // SAFETY: a header of numbers and pointers, which the engine's function fills in. Values have
        // no destructor: they own nothing. The engine has made a table of this size before.
        let table = unsafe {
            let table: *mut ZendHashTable = Box::into_raw(Box::new(std::mem::zeroed()));
            _zend_hash_init(table, room, None, true);
            if packed {
                zend_hash_real_init_packed(table);
            } else {
                zend_hash_real_init_mixed(table);
            }
            table
        };
        self.tables.push(table);
        Some(table)
    }

    /// Nothing more comes.
    pub(super) fn complete(&mut self) {
        self.strings.shrink_to_fit();
        self.tables.shrink_to_fit();
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        (self.bytes <= self.bytes_max).then_some(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made by us with these functions, and by the contract of the module not in use.
        unsafe {
            for table in self.tables.drain(..) {
                make_mutable(&mut (*table).gc);
                zend_hash_destroy(table);
                drop(Box::from_raw(table));
            }
            for string in self.strings.drain(..) {
                make_mutable(&mut (*string).gc);
                ext_php_rs_zend_string_release(string);
            }
        }
    }
}

/// Two references: what looks at the count alone, and not at the flag, must not write either. And no
/// flag of what outlives requests, so that whatever does makes a copy.
pub(super) fn make_immutable(header: &mut zend_refcounted_h) {
    header.refcount = 2;
    // SAFETY: the only field of the union.
    unsafe { header.u.type_info = header.u.type_info & !PERSISTENT | GC_IMMUTABLE };
}

/// Undoes [`make_immutable`], so that the engine's functions free it.
fn make_mutable(header: &mut zend_refcounted_h) {
    header.refcount = 1;
    // SAFETY: the only field of the union.
    unsafe { header.u.type_info = header.u.type_info & !GC_IMMUTABLE | PERSISTENT };
}

/// What the engine allocates for a table, which it makes a power of two in size.
fn table_bytes(room: u32, packed: bool) -> usize {
    const SLOTS_MIN: usize = 8;
    const BUCKET_BYTES: usize = 32;
    const HASH_BYTES: usize = 4;
    let slots = (room as usize).next_power_of_two().max(SLOTS_MIN);
    let data = if packed {
        slots * size_of::<Zval>() + 2 * HASH_BYTES
    } else {
        slots * (BUCKET_BYTES + 2 * HASH_BYTES)
    };
    allocated(size_of::<ZendHashTable>()) + allocated(data) + size_of::<*mut ZendHashTable>()
}

/// What glibc's malloc takes for so many bytes: a word before them, in steps of two words.
fn allocated(bytes: usize) -> usize {
    bytes.saturating_add(8).max(32).next_multiple_of(16)
}
