//! Printing through PHP's output layer.
//!
//! Contract: an output handler is user code, so this may throw or leave by longjmp; callers own
//! nothing with a destructor meanwhile.
#![allow(unsafe_code)]

use ext_php_rs::ffi::php_output_write;

/// Prints `bytes`, as echo would.
pub(crate) fn print(bytes: &[u8]) {
    if !bytes.is_empty() {
        // SAFETY: the bytes live across the call; PHP is running.
        unsafe { php_output_write(bytes.as_ptr().cast(), bytes.len()) };
    }
}
