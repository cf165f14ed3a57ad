//! The engine's state around a call.
#![allow(unsafe_code)]

use crate::ffi::{self, Interrupt};
use crate::request::Request;
use std::ffi::CStr;

/// Makes the PHP code that is running end with a fatal error that says why. Async-signal-safe.
pub fn interrupt(why: Interrupt) {
    // SAFETY: two atomic stores.
    unsafe { ffi::appserver_interrupt(why) }
}

/// Takes back an [`interrupt`] that came too late.
pub fn interrupt_clear() {
    // SAFETY: two atomic stores.
    unsafe { ffi::appserver_interrupt_clear() }
}

/// Version of the PHP this was built for, e.g. `8.2.7`.
pub fn php_version() -> String {
    // SAFETY: a static C string.
    unsafe { CStr::from_ptr(ffi::appserver_php_version()) }.to_string_lossy().into_owned()
}

/// Whether OPcache is loaded and on; asked after the start.
pub fn opcache_enabled() -> bool {
    // SAFETY: reads globals of the started engine.
    unsafe { ffi::appserver_opcache_enabled() }
}

impl Request<'_> {
    /// What [`Interrupt::TimedOut`] gives as the limit of the call that begins, in milliseconds.
    pub fn time_limit(&self, milliseconds: u32) {
        // SAFETY: stores a number.
        unsafe { ffi::appserver_time_limit(milliseconds) }
    }

    /// Lifts `memory_limit`, for code that bounds what it allocates itself.
    pub fn memory_limit_lift(&self) {
        // SAFETY: sets a field of the memory manager.
        unsafe { ffi::appserver_memory_limit(true) };
    }

    /// Puts `memory_limit` back; false when more than that is in use already.
    pub fn memory_limit_restore(&self) -> bool {
        // SAFETY: as above.
        unsafe { ffi::appserver_memory_limit(false) }
    }

    /// Makes `REQUEST_TIME` and the like say now, however long ago the context was opened.
    pub fn time_now(&self) {
        // SAFETY: the request is open.
        unsafe { ffi::appserver_request_time_now() }
    }

    /// Ends output buffers left open. Runs their callbacks: call it in [`Request::guard`].
    pub fn output_end(&self) {
        // SAFETY: the request is open.
        unsafe { ffi::appserver_output_end() }
    }

    /// Between the calls of a request that lives on: runs and forgets shutdown functions, closes the
    /// session, and puts back output buffers, headers, last error, exit status, error level, PHP's
    /// time limit, folder, alarm and umask. False when something in it bailed out: the request is not
    /// fit for another call. Call it in [`Request::guard`].
    pub fn reset_between_calls(&self) -> bool {
        // SAFETY: the request is open.
        unsafe { ffi::appserver_reset_between_calls() }
    }
}
