//! A request context, and what can be done in it.
//!
//! Contract: a [`Request`] exists between php_request_startup and php_request_shutdown, so the
//! engine's globals that the calls below touch are set up.
#![allow(unsafe_code)]

use crate::error::{Bailout, PhpError, StartError};
use crate::ffi;
use crate::function::Function;
use crate::php::{Php, failure};
use ext_php_rs::types::{ZendHashTable, Zval};
use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// How PHP code ended.
#[derive(Debug)]
pub enum Outcome {
    Returned(Zval),
    /// The exception object.
    Threw(Zval),
    /// `exit()` or `die()`, with the status.
    Exited(i32),
    BailedOut(Bailout),
}

/// Code at the top level of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The engine's name for what it does, e.g. `ZEND_DECLARE_CONST`.
    pub opcode: String,
    pub line: u32,
}

/// An open request context; closed on drop.
#[derive(Debug)]
pub struct Request<'php> {
    php: PhantomData<&'php mut Php>,
}

pub(crate) fn open(_php: &mut Php) -> Result<Request<'_>, StartError> {
    // SAFETY: PHP is started, and no request is open: it would hold the borrow of `_php`.
    let opened = unsafe { ffi::appserver_request_startup() };
    if opened { Ok(Request { php: PhantomData }) } else { Err(failure()) }
}

impl Request<'_> {
    /// Runs `body` where it may allocate from PHP and run PHP code.
    ///
    /// `body` must hold no value with a destructor while it calls into PHP: after a bailout the rest
    /// of it never happens. A panic passes through.
    pub fn guard<R>(&self, body: impl FnOnce() -> R) -> Result<R, Bailout> {
        let mut job = Job { body: Some(body), result: None };
        let context = (&raw mut job).cast::<c_void>();
        // SAFETY: `run` is made for exactly this `Job`, which outlives the call.
        let finished = unsafe { ffi::appserver_guard(run_for(&job), context) };
        match job.result {
            Some(Ok(result)) if finished => Ok(result),
            Some(Err(panic)) => resume_unwind(panic),
            _ => Err(Bailout(self.last_error())),
        }
    }

    /// Calls a function through a frame of its own.
    ///
    /// `named` is an array with string keys, of arguments by name.
    pub fn call(
        &self,
        function: Function<'_>,
        arguments: &mut [Zval],
        named: Option<&mut ZendHashTable>,
    ) -> Outcome {
        let mut result = Zval::new();
        let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        let named = named.map_or(std::ptr::null_mut(), |named| named as *mut _);
        // SAFETY: `function` was found in this request; the arguments are initialised zvals.
        let outcome = unsafe {
            let first = arguments.as_mut_ptr();
            let Function { entry, scope, object, .. } = function;
            ffi::appserver_call(entry, scope, object, count, first, named, &mut result)
        };
        self.outcome(outcome, result)
    }

    /// Requires a file by its absolute path, unless that happened before in this request.
    pub fn require_once(&self, path: &str) -> Outcome {
        let mut result = Zval::new();
        // SAFETY: pointer and length of a live string; `result` is initialised.
        let outcome =
            unsafe { ffi::appserver_require_once(path.as_ptr().cast(), path.len(), &mut result) };
        self.outcome(outcome, result)
    }

    /// The first statement at the top level of a file that runs code instead of declaring something.
    pub fn first_statement(&self, path: &str) -> Result<Option<Statement>, Bailout> {
        let mut found = ffi::Statement { opcode: std::ptr::null(), line: 0 };
        // SAFETY: pointer and length of a live string; `found` is initialised.
        let outcome =
            unsafe { ffi::appserver_first_statement(path.as_ptr().cast(), path.len(), &mut found) };
        if outcome == ffi::Outcome::BailedOut {
            return Err(Bailout(self.last_error()));
        }
        if found.opcode.is_null() {
            return Ok(None);
        }
        // SAFETY: opcode names are static C strings.
        let opcode = unsafe { CStr::from_ptr(found.opcode) }.to_string_lossy().into_owned();
        Ok(Some(Statement { opcode, line: found.line }))
    }

    /// Whether all classes that were declared have what they extend, implement and use. One that lacks
    /// any of it gets it when its declaration runs.
    pub fn every_class_linked(&self) -> bool {
        // SAFETY: the request is open.
        unsafe { ffi::appserver_every_class_linked() }
    }

    /// Runs `code`, as PHP's `eval()` does: without `<?php`, and with a value only by `return`.
    pub fn eval(&self, code: &str) -> Outcome {
        let mut result = Zval::new();
        // SAFETY: pointer and length of a live string; `result` is initialised.
        let outcome = unsafe { ffi::appserver_eval(code.as_ptr().cast(), code.len(), &mut result) };
        self.outcome(outcome, result)
    }

    /// What the engine last complained of in this request.
    pub fn last_error(&self) -> PhpError {
        let error = read_error();
        // SAFETY: the shim gives `length` readable bytes each.
        let (message, file) = unsafe {
            (
                std::slice::from_raw_parts(error.message.cast::<u8>(), error.message_length),
                std::slice::from_raw_parts(error.file.cast::<u8>(), error.file_length),
            )
        };
        PhpError {
            kind: error.kind,
            message: message.to_vec(),
            file: String::from_utf8_lossy(file).into_owned(),
            line: error.line,
        }
    }

    /// The exception that code run in [`Self::guard`] left pending, if there is one.
    pub fn take_exception(&self) -> Option<Outcome> {
        let mut result = Zval::new();
        // SAFETY: the request is open; the shim overwrites `result`.
        let outcome = unsafe { ffi::appserver_take_exception(&mut result) };
        (outcome != ffi::Outcome::Returned).then(|| self.outcome(outcome, result))
    }

    /// Drops what PHP code left, wherever its destructors may run PHP code again. An exception of
    /// theirs is forgotten; the error is that the engine gave up in one.
    pub fn release<T>(&self, value: T) -> Result<(), Bailout> {
        let released = self.guard(|| drop(value));
        self.discard_exception();
        released
    }

    /// Forgets such an exception; false when it was a fatal error, or letting go of it ended in one.
    pub fn discard_exception(&self) -> bool {
        match self.take_exception() {
            None => true,
            Some(Outcome::BailedOut(_)) => false,
            Some(outcome) => self.guard(|| drop(outcome)).is_ok(),
        }
    }

    /// Closes the request; says whether everything in that, shutdown functions included, ended in
    /// order. Dropping it closes it too, and does not tell.
    pub fn close(self) -> bool {
        let request = std::mem::ManuallyDrop::new(self);
        request.shut_down()
    }

    fn shut_down(&self) -> bool {
        // SAFETY: the request is open. Every step of the shutdown has a zend_try of its own.
        unsafe { ffi::appserver_request_shutdown() }
    }

    fn outcome(&self, outcome: ffi::Outcome, result: Zval) -> Outcome {
        match outcome {
            ffi::Outcome::Returned => Outcome::Returned(result),
            ffi::Outcome::Threw => Outcome::Threw(result),
            ffi::Outcome::Exited => Outcome::Exited(read_error().exit_status),
            ffi::Outcome::BailedOut => {
                // What the zval points to may be half-built; the request's end frees its memory.
                std::mem::forget(result);
                Outcome::BailedOut(Bailout(self.last_error()))
            }
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn read_error() -> ffi::Error {
    let mut error = std::mem::MaybeUninit::uninit();
    // SAFETY: the shim fills in every field.
    unsafe {
        ffi::appserver_last_error(error.as_mut_ptr());
        error.assume_init()
    }
}

struct Job<B, R> {
    body: Option<B>,
    result: Option<std::thread::Result<R>>,
}

fn run_for<B: FnOnce() -> R, R>(_: &Job<B, R>) -> unsafe extern "C" fn(*mut c_void) {
    run::<B, R>
}

/// A panic must not unwind through C: it is carried around it.
unsafe extern "C" fn run<B: FnOnce() -> R, R>(context: *mut c_void) {
    // SAFETY: `guard` passes its own job, and waits.
    let job = unsafe { &mut *context.cast::<Job<B, R>>() };
    if let Some(body) = job.body.take() {
        job.result = Some(catch_unwind(AssertUnwindSafe(body)));
    }
}
