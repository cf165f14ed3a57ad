//! A zend_string. Unsafe under the contract of [`super`].

use super::guard::shim;
use ext_php_rs::ffi::{GC_IMMUTABLE, zend_string};
use std::ptr;

/// Offset of the bytes in the structure; the shim asserts it.
const HEADER_BYTES: usize = 24;
/// Type and flags of a counted string; the shim asserts it.
const STRING_INFO: u32 = 0x16;
const WORD_BYTES: usize = 8;

unsafe extern "C" {
    #[link_name = "zend_empty_string"]
    static EMPTY: *mut zend_string;
    #[link_name = "zend_one_char_string"]
    static ONE_CHAR: [*mut zend_string; 256];
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text(*mut zend_string);

impl Text {
    #[inline]
    pub(crate) fn new(string: *mut zend_string) -> Self {
        Self(string)
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut zend_string {
        self.0
    }

    #[inline]
    pub(crate) fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: contract of the module; the caller holds the string while it uses the bytes.
        unsafe { std::slice::from_raw_parts(self.0.cast::<u8>().add(HEADER_BYTES), (*self.0).len) }
    }

    #[inline]
    pub(crate) fn is_interned(self) -> bool {
        // SAFETY: contract of the module.
        unsafe { (*self.0).gc.u.type_info & GC_IMMUTABLE != 0 }
    }

    #[inline]
    pub(crate) fn hold(self) {
        if !self.is_interned() {
            // SAFETY: contract of the module.
            unsafe { (*self.0).gc.refcount += 1 }
        }
    }

    /// Gives up one reference to a string that something else has too.
    #[inline]
    pub(crate) fn release_shared(self) {
        if !self.is_interned() {
            // SAFETY: contract of the module; the count stays above zero.
            unsafe { (*self.0).gc.refcount -= 1 }
        }
    }

    /// Gives up one reference. Freeing a string runs no code.
    #[inline]
    pub(crate) fn release(self) {
        // SAFETY: the caller owns the reference it gives up.
        unsafe {
            if self.is_interned() {
                return;
            }
            if (*self.0).gc.refcount == 1 {
                shim::values_string_free(self.0);
            } else {
                (*self.0).gc.refcount -= 1;
            }
        }
    }

    /// A string that outlives the request and is never freed.
    pub(crate) fn permanent(bytes: &[u8]) -> Self {
        match bytes {
            [] | [_] => Self::create(bytes),
            // SAFETY: the bytes are copied.
            _ => Self(unsafe { shim::values_permanent_string(bytes.as_ptr().cast(), bytes.len()) }),
        }
    }

    /// A string of these bytes, with one reference for the caller.
    #[inline]
    pub(crate) fn create(bytes: &[u8]) -> Self {
        match bytes {
            // SAFETY: the engine sets these at start-up and never changes them.
            [] => Self(unsafe { EMPTY }),
            // SAFETY: as above.
            [byte] => Self(unsafe { ONE_CHAR[usize::from(*byte)] }),
            _ => Self::allocate(bytes),
        }
    }

    #[inline]
    fn allocate(bytes: &[u8]) -> Self {
        let size = (HEADER_BYTES + bytes.len() + WORD_BYTES) & !(WORD_BYTES - 1);
        // SAFETY: `size` covers the header, the bytes and the closing NUL.
        unsafe {
            let string = shim::values_alloc(size).cast::<zend_string>();
            (*string).gc.refcount = 1;
            (*string).gc.u.type_info = STRING_INFO;
            (*string).h = 0;
            (*string).len = bytes.len();
            let target = string.cast::<u8>().add(HEADER_BYTES);
            copy_short(bytes, target);
            target.add(bytes.len()).write(0);
            Self(string)
        }
    }
}

/// Copies, without a call for the short strings that most are.
///
/// # Safety
///
/// `target` has room for the bytes.
#[inline]
unsafe fn copy_short(bytes: &[u8], target: *mut u8) {
    const HALF_BYTES: usize = 4;
    let (source, length) = (bytes.as_ptr(), bytes.len());
    // SAFETY: each copy stays within `length`; two that overlap write the same bytes.
    unsafe {
        if (WORD_BYTES..=2 * WORD_BYTES).contains(&length) {
            let last = length - WORD_BYTES;
            ptr::copy_nonoverlapping(source, target, WORD_BYTES);
            ptr::copy_nonoverlapping(source.add(last), target.add(last), WORD_BYTES);
        } else if (HALF_BYTES..WORD_BYTES).contains(&length) {
            let last = length - HALF_BYTES;
            ptr::copy_nonoverlapping(source, target, HALF_BYTES);
            ptr::copy_nonoverlapping(source.add(last), target.add(last), HALF_BYTES);
        } else {
            ptr::copy_nonoverlapping(source, target, length);
        }
    }
}
