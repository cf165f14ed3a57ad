//! PHP values that belong to no request: built once, handed out without a copy, freed when dropped.
//!
//! To the engine an array is what OPcache makes of a literal one: immutable, of two references that
//! nobody counts. Whoever writes to it gets a copy, and that copy is made byte by byte, so nothing
//! inside is counted either. A string is what the engine makes of a literal without OPcache: interned
//! until the request ends. It bears no flag of strings that outlive requests: PCRE's cache, which
//! does, would keep such a one as it is, and be left with a string that was freed.
//!
//! Contract: built, handed out and dropped on the thread of PHP. What was handed out is in use until
//! RINIT of the next request, or MSHUTDOWN. The end of this one is too early: tables that the engine
//! clears after all hooks of extensions, such as the one of stream wrappers, look at the strings that
//! are their keys. So is the SAPI's next activation: under FrankenPHP's worker mode variables live
//! across those. Whoever owns an [`Immutable`] keeps it until then.
//!
//! Nothing here runs PHP code or leaves by longjmp: the memory is malloc's and not under
//! `memory_limit`. Where malloc itself fails the engine ends the process, as for all memory that
//! outlives requests.
#![allow(unsafe_code)]

mod memory;

use self::memory::{Memory, make_immutable};
use super::class::empty_array;
use super::ffi::{
    zend_empty_string, zend_hash_get_current_key_ex, zend_hash_index_add_new, zend_one_char_string,
};
use ext_php_rs::ffi::{
    GC_IMMUTABLE, IS_ARRAY, IS_DOUBLE, IS_FALSE, IS_INTERNED_STRING_EX, IS_LONG, IS_NULL,
    IS_STRING, IS_TRUE, zend_hash_add_new, zend_hash_get_current_data_ex,
    zend_hash_move_forward_ex, zend_refcounted_h, zend_string,
};
use ext_php_rs::types::{ZendHashTable, Zval};
use std::collections::HashMap;
use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::ptr;
use values::Limits;

/// `HASH_FLAG_PACKED` and `HASH_KEY_IS_STRING` of `zend_hash.h`.
const PACKED: u32 = 1 << 2;
const KEY_IS_STRING: c_int = 1;

/// A value whose memory is its own.
pub(crate) struct Immutable {
    /// Never dropped: it owns nothing, and PHP's own strings may be gone by then.
    value: ManuallyDrop<Zval>,
    memory: Memory,
}

impl Immutable {
    /// A copy of `value`: null, bool, int, float, string, and arrays of those, nested. `None` for
    /// anything else (objects, resources, references), for what would take more than `bytes_max`, and
    /// for arrays nested deeper than the codec allows.
    pub(crate) fn new(value: &Zval, bytes_max: usize) -> Option<Self> {
        let mut copying = Copying {
            memory: Memory::new(bytes_max)?,
            strings: HashMap::new(),
            tables: HashMap::new(),
        };
        let value = copying.value(value, Limits::default().depth_max)?;
        copying.memory.complete();
        Some(Self { value: ManuallyDrop::new(value), memory: copying.memory })
    }

    /// Bytes that it takes, with what malloc adds to each allocation.
    pub(crate) fn bytes(&self) -> usize {
        self.memory.bytes
    }

    /// Sets `result` to the value itself, without a copy. From now on `self` is not to be dropped before RINIT
    /// of the next request, see the contract of the module.
    pub(crate) fn hand_out(&self, result: &mut Zval) {
        *result = self.value.shallow_clone();
    }
}

/// One copy in the making. What occurs in several places is copied once.
struct Copying {
    memory: Memory,
    strings: HashMap<*const zend_string, *mut zend_string>,
    tables: HashMap<*const ZendHashTable, *mut ZendHashTable>,
}

impl Copying {
    fn value(&mut self, source: &Zval, depth: u32) -> Option<Zval> {
        // SAFETY: the type is always initialised; it says which field of the union is.
        unsafe {
            match u32::from(source.u1.v.type_) {
                IS_NULL | IS_FALSE | IS_TRUE | IS_LONG | IS_DOUBLE => Some(source.shallow_clone()),
                IS_STRING => self.string(source.value.str_).map(string_value),
                IS_ARRAY => self.array(&*source.value.arr, depth.checked_sub(1)?),
                _ => None,
            }
        }
    }

    /// # Safety
    /// `source` is alive.
    unsafe fn string(&mut self, source: *const zend_string) -> Option<*mut zend_string> {
        // SAFETY: alive; the bytes follow the header. The engine sets its own strings at start-up.
        unsafe {
            let (bytes, length) = ((&raw const (*source).val).cast::<u8>(), (*source).len);
            match length {
                0 => return Some(zend_empty_string),
                1 => return Some(zend_one_char_string[usize::from(*bytes)]),
                _ => {}
            }
            if !is_shared(&(*source).gc) {
                return self.memory.string(bytes, length);
            }
            if let Some(copy) = self.strings.get(&source) {
                return Some(*copy);
            }
            let copy = self.memory.string(bytes, length)?;
            self.strings.insert(source, copy);
            Some(copy)
        }
    }

    fn array(&mut self, source: &ZendHashTable, depth: u32) -> Option<Zval> {
        // An array that lost all it had still knows its next index.
        if source.nNumOfElements == 0 && matches!(source.nNextFreeElement, 0 | i64::MIN) {
            return Some(empty_array());
        }
        if !is_shared(&source.gc) {
            return self.table(source, depth).map(table_value);
        }
        if let Some(copy) = self.tables.get(&ptr::from_ref(source)) {
            return Some(table_value(*copy));
        }
        let copy = self.table(source, depth)?;
        self.tables.insert(source, copy);
        Some(table_value(copy))
    }

    fn table(&mut self, source: &ZendHashTable, depth: u32) -> Option<*mut ZendHashTable> {
        // SAFETY: both are ways to look at the same flags.
        let packed = unsafe { source.u.flags } & PACKED != 0;
        // A packed array keeps its holes, which tell the indices after them.
        let room = if packed { source.nNumUsed } else { source.nNumOfElements };
        let table = self.memory.table(room, packed)?;
        self.elements(source, table, depth)?;
        // SAFETY: ours, and complete: from now on nobody writes to it.
        unsafe {
            (*table).nNextFreeElement = source.nNextFreeElement;
            make_immutable(&mut (*table).gc);
        }
        Some(table)
    }

    fn elements(
        &mut self,
        source: &ZendHashTable,
        table: *mut ZendHashTable,
        depth: u32,
    ) -> Option<()> {
        let from = ptr::from_ref(source).cast_mut();
        let mut position = 0;
        // SAFETY: the engine only reads from `from`; nobody changes it meanwhile. `table` is ours, not
        // shared yet, has room for all elements and none of their keys. It takes over each value;
        // neither those nor keys are counted.
        unsafe {
            while let Some(element) =
                zend_hash_get_current_data_ex(from, &raw mut position).as_ref()
            {
                let mut value = self.value(element, depth)?;
                let (mut key, mut index) = (ptr::null_mut(), 0);
                let kind = zend_hash_get_current_key_ex(
                    from,
                    &raw mut key,
                    &raw mut index,
                    &raw const position,
                );
                if kind == KEY_IS_STRING {
                    zend_hash_add_new(table, self.string(key)?, &raw mut value);
                } else {
                    zend_hash_index_add_new(table, index, &raw mut value);
                }
                zend_hash_move_forward_ex(from, &raw mut position);
            }
        }
        Some(())
    }
}

/// Whether something may be found in more than one place. Nobody counts what is immutable.
fn is_shared(header: &zend_refcounted_h) -> bool {
    // SAFETY: the only field of the union.
    header.refcount > 1 || unsafe { header.u.type_info } & GC_IMMUTABLE != 0
}

fn string_value(string: *mut zend_string) -> Zval {
    let mut value = Zval::new();
    value.value.str_ = string;
    value.u1.type_info = IS_INTERNED_STRING_EX;
    value
}

fn table_value(table: *mut ZendHashTable) -> Zval {
    let mut value = Zval::new();
    value.value.arr = table;
    // Without the bits that would have it counted, and looked at by the collector of cycles.
    value.u1.type_info = IS_ARRAY;
    value
}

#[cfg(test)]
mod tests;
