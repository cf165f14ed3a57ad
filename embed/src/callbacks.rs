//! What PHP prints and logs, kept until it is asked for.
//!
//! Called from inside the engine, so nothing here may enter it or panic.
#![allow(unsafe_code)]

use crate::ffi::Hooks;
use std::ffi::{CStr, c_char, c_int};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

struct Kept {
    output: Vec<u8>,
    output_dropped: usize,
    log: Vec<LogLine>,
}

/// Not a thread-local: those are gone when `exit` runs what `atexit` registered, and that may ask.
/// Never contended, for PHP has one thread, and never held across a call into the engine.
static KEPT: Mutex<Kept> =
    Mutex::new(Kept { output: Vec::new(), output_dropped: 0, log: Vec::new() });

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) static HOOKS: Hooks = Hooks { write, log };

/// What was printed since the last time, and how many bytes of it were too many to keep.
pub fn take_output() -> (Vec<u8>, usize) {
    let mut kept = kept();
    (std::mem::take(&mut kept.output), std::mem::take(&mut kept.output_dropped))
}

/// What was logged since the last time.
pub fn take_log() -> Vec<LogLine> {
    std::mem::take(&mut kept().log)
}

extern "C" fn write(bytes: *const c_char, length: usize) {
    // SAFETY: the engine passes `length` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
    let mut kept = kept();
    let room = OUTPUT_BYTES_MAX - kept.output.len();
    let taken = room.min(bytes.len());
    kept.output.extend_from_slice(&bytes[..taken]);
    kept.output_dropped += bytes.len() - taken;
}

extern "C" fn log(message: *const c_char, level: c_int) {
    // SAFETY: the engine passes a C string.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    let mut kept = kept();
    if kept.log.len() < LOG_LINES_MAX {
        kept.log.push(LogLine { level, text });
    }
}
