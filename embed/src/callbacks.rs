//! What PHP prints and logs, kept until it is asked for.
//!
//! Called from inside the engine, so nothing here may enter it or panic.
#![allow(unsafe_code)]

use crate::ffi::Hooks;
use crate::start_log::StartLog;
use std::ffi::{CStr, c_char, c_int};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bytes of output kept, unless somebody wants more; what is printed beyond is counted and
/// dropped.
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
    output_bytes_max: usize,
    output_dropped: usize,
    log: Vec<LogLine>,
    /// While PHP starts, lines go here: OPcache preloads in a process of its own when it has to change
    /// the user, and what that one says must be heard here.
    start_log: Option<StartLog>,
}

/// Not a thread-local: those are gone when `exit` runs what `atexit` registered, and that may ask.
/// Never contended, for PHP has one thread, and never held across a call into the engine.
static KEPT: Mutex<Kept> = Mutex::new(Kept {
    output: Vec::new(),
    output_bytes_max: OUTPUT_BYTES_MAX,
    output_dropped: 0,
    log: Vec::new(),
    start_log: None,
});

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) static HOOKS: Hooks = Hooks { write, log };

/// Until output is taken the next time, this much of it is kept.
pub fn keep_output(bytes_max: usize) {
    kept().output_bytes_max = bytes_max;
}

/// What was printed since the last time, and how many bytes of it were too many to keep.
pub fn take_output() -> (Vec<u8>, usize) {
    let mut kept = kept();
    kept.output_bytes_max = OUTPUT_BYTES_MAX;
    (std::mem::take(&mut kept.output), std::mem::take(&mut kept.output_dropped))
}

/// What was logged since the last time.
pub fn take_log() -> Vec<LogLine> {
    let mut kept = kept();
    let mut lines = kept.start_log.as_ref().map(StartLog::take).unwrap_or_default();
    lines.append(&mut kept.log);
    lines
}

/// PHP is about to start, perhaps in more than one process.
pub(crate) fn log_across_processes() {
    // Without memory for it, what is said in another process is lost, and nothing else.
    kept().start_log = StartLog::create().ok();
}

/// PHP has started: one process again.
pub(crate) fn log_here() {
    let mut kept = kept();
    if let Some(log) = kept.start_log.take() {
        let mut lines = log.take();
        kept.log.append(&mut lines);
    }
}

extern "C" fn write(bytes: *const c_char, length: usize) {
    // SAFETY: the engine passes `length` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
    let mut kept = kept();
    let room = kept.output_bytes_max.saturating_sub(kept.output.len());
    let taken = room.min(bytes.len());
    kept.output.extend_from_slice(&bytes[..taken]);
    kept.output_dropped += bytes.len() - taken;
}

extern "C" fn log(message: *const c_char, level: c_int) {
    // SAFETY: the engine passes a C string.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    let mut kept = kept();
    if let Some(shared) = &kept.start_log {
        shared.put(&LogLine { level, text });
    } else if kept.log.len() < LOG_LINES_MAX {
        kept.log.push(LogLine { level, text });
    }
}
