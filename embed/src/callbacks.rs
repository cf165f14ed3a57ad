//! What PHP prints and logs, kept until it is asked for.
//!
//! Called from inside the engine, so nothing here may enter it or panic.
#![allow(unsafe_code)]

use crate::ffi::Hooks;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};

/// Most bytes of output kept; what is printed beyond is counted and dropped.
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Most log lines kept until they are taken.
const LOG_LINES_MAX: usize = 256;

/// A message PHP logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// syslog's level, 0 (emergency) to 7 (debug).
    pub level: i32,
    pub text: String,
}

#[derive(Default)]
struct Kept {
    output: Vec<u8>,
    output_dropped: usize,
    log: Vec<LogLine>,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

pub(crate) static HOOKS: Hooks = Hooks { write, log };

/// What was printed since the last time, and how many bytes of it were too many to keep.
pub fn take_output() -> (Vec<u8>, usize) {
    KEPT.with_borrow_mut(|kept| {
        (std::mem::take(&mut kept.output), std::mem::take(&mut kept.output_dropped))
    })
}

/// What was logged since the last time.
pub fn take_log() -> Vec<LogLine> {
    KEPT.with_borrow_mut(|kept| std::mem::take(&mut kept.log))
}

extern "C" fn write(bytes: *const c_char, length: usize) {
    // SAFETY: the engine passes `length` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
    KEPT.with_borrow_mut(|kept| {
        let room = OUTPUT_BYTES_MAX - kept.output.len();
        let taken = room.min(bytes.len());
        kept.output.extend_from_slice(&bytes[..taken]);
        kept.output_dropped += bytes.len() - taken;
    });
}

extern "C" fn log(message: *const c_char, level: c_int) {
    // SAFETY: the engine passes a C string.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    KEPT.with_borrow_mut(|kept| {
        if kept.log.len() < LOG_LINES_MAX {
            kept.log.push(LogLine { level, text });
        }
    });
}
