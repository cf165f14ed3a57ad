//! The boundary between the engine and our functions.
//!
//! Contract: a Rust panic must not unwind into C, so every handler runs in [`guard`]. PHP may leave a
//! handler by longjmp (see `client::table`); handlers therefore own nothing with a destructor while
//! they call into PHP, other than memory of PHP's own request heap, which PHP itself reclaims.
#![allow(unsafe_code)]

use super::ffi::zend_interrupt_function;
use ext_php_rs::exception::PhpException;
use ext_php_rs::ffi::{_zend_bailout, ext_php_rs_executor_globals};
use ext_php_rs::zend::ce;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The return value is set, or an exception is pending.
    Done,
    /// The engine bailed out below, and the bailout has to go on.
    Bailout,
}

/// Runs a handler. A panic, which is a bug of ours, becomes a PHP `Error`.
pub(crate) fn guard(handler: impl FnOnce() -> End) {
    let end = catch_unwind(AssertUnwindSafe(handler));
    match end {
        Ok(End::Done) => {}
        // SAFETY: PHP is running (it called the handler), so a `zend_try` is below us; the closure
        // and everything it owned is gone, and no frame from here on has a destructor.
        Ok(End::Bailout) => unsafe { _zend_bailout(c"appserver".as_ptr().cast_mut(), 0) },
        Err(_) => {
            let message = "internal error in the appserver extension; please report it".to_owned();
            PhpException::new(message, 0, ce::error()).throw();
        }
    }
}

/// Whether an exception is pending.
pub(crate) fn is_throwing() -> bool {
    // SAFETY: PHP is running, so its globals exist.
    unsafe { !(*ext_php_rs_executor_globals()).exception.is_null() }
}

/// Whether a signal asked PHP to stop what it is doing: to run a handler, or to end the request.
pub(crate) fn wants_interrupt() -> bool {
    flag(Flag::Interrupt)
}

/// Whether the request's own time is over.
pub(crate) fn is_timed_out() -> bool {
    flag(Flag::TimedOut)
}

enum Flag {
    Interrupt,
    TimedOut,
}

fn flag(which: Flag) -> bool {
    // SAFETY: PHP is running, so its globals exist; both fields are `zend_atomic_bool`, one byte
    // that is written by signal handlers, hence the atomic load.
    unsafe {
        let globals = ext_php_rs_executor_globals();
        let field = match which {
            Flag::Interrupt => &raw mut (*globals).vm_interrupt,
            Flag::TimedOut => &raw mut (*globals).timed_out,
        };
        AtomicBool::from_ptr(field.cast()).load(Ordering::Relaxed)
    }
}

/// Lets PHP run its signal handlers, which are user code. The request's time limit is left to the
/// engine, which looks at it when our function returns.
pub(crate) fn run_signal_handlers() {
    if is_timed_out() {
        return;
    }
    // SAFETY: PHP is running; the function is the one the VM itself calls between opcodes, with the
    // current frame, after it has cleared the flag.
    unsafe {
        let globals = ext_php_rs_executor_globals();
        AtomicBool::from_ptr((&raw mut (*globals).vm_interrupt).cast())
            .store(false, Ordering::Relaxed);
        if let Some(interrupt) = zend_interrupt_function {
            interrupt((*globals).current_execute_data);
        }
    }
}

/// Name of the SAPI: "cli", "fpm-fcgi", …
#[cfg(not(test))]
pub(crate) fn sapi_name() -> String {
    // SAFETY: the SAPI module is set before any extension is loaded; its name is a C string.
    let name = unsafe { CStr::from_ptr((*ext_php_rs::ffi::ext_php_rs_sapi_module()).name) };
    name.to_string_lossy().into_owned()
}

/// Unit tests run without PHP.
#[cfg(test)]
pub(crate) fn sapi_name() -> String {
    CStr::to_string_lossy(c"cli").into_owned()
}
