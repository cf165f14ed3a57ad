//! From a `CallError` to the PHP exception: class and properties. The words are `client::error`'s.

use super::{exceptions, remote};
use crate::client::{CallError, ErrorKind};
use crate::php::exception::Held;
use crate::php::{Class, End, exception, logic_exception};
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use protocol::{ExitCause, FatalKind};
use std::cell::RefCell;

thread_local! {
    /// The errors whose exceptions are being made. That allocates in PHP, which may leave the function
    /// by longjmp: so they are owned here.
    static RAISED: Held<CallError> = const { RefCell::new(Vec::new()) };
}

/// A PHP request begins: what the last one's bailout left behind is over.
pub(super) fn request_begins() {
    RAISED.with_borrow_mut(Vec::clear);
}

/// Throws `error`, which is this side's own, as the last thing a handler does.
pub(super) fn raise(error: CallError) {
    exception::hold(&RAISED, error, |error| exception::throw(plain(error)));
}

/// Throws a `LogicException`: not a setting is wrong, but the program.
pub(super) fn misuse(message: &'static str) {
    let mut object = exception::create(logic_exception());
    exception::set(&mut object, "message", text(message));
    exception::throw(object);
}

/// Throws what a call came to, as the last thing a handler does.
pub(super) fn surface(error: CallError) -> End {
    match make(error) {
        Ok(exception) => {
            exception::throw(exception);
            End::Done
        }
        Err(end) => end,
    }
}

/// The exception for what a call came to, not thrown. An `Err` when the request is ending meanwhile.
pub(super) fn make(error: CallError) -> Result<Zval, End> {
    exception::hold(&RAISED, error, |error| match &error.kind {
        ErrorKind::Thrown(chain) => remote::rebuild(chain, error),
        _ => Ok(plain(error)),
    })
}

fn plain(error: &CallError) -> Zval {
    let mut object = begin(class_of(&error.kind), error);
    for (name, value) in details(&error.kind).into_iter().flatten() {
        exception::set(&mut object, name, value);
    }
    object
}

/// An exception of one of our classes, with what every one has.
pub(super) fn begin(class: &'static Class, error: &CallError) -> Zval {
    let mut object = exception::create(class.entry());
    exception::set(&mut object, "message", text(&error.message));
    if let Some(worker) = &error.worker {
        exception::set(&mut object, "worker", text(worker));
    }
    if let Some(function) = &error.function {
        exception::set(&mut object, "function", text(function));
    }
    object
}

fn class_of(kind: &ErrorKind) -> &'static Class {
    match kind {
        ErrorKind::Config => &exceptions::CONFIG,
        ErrorKind::Connect => &exceptions::CONNECT,
        ErrorKind::Refused => &exceptions::REFUSED,
        ErrorKind::Lost { .. } => &exceptions::LOST,
        ErrorKind::Timeout => &exceptions::TIMEOUT,
        ErrorKind::Cancelled => &exceptions::CANCELLED,
        ErrorKind::UnknownApp { .. } => &exceptions::UNKNOWN_APP,
        ErrorKind::UnknownFunction { .. } => &exceptions::UNKNOWN_FUNCTION,
        ErrorKind::NotCallable => &exceptions::NOT_CALLABLE,
        ErrorKind::Encode { .. } => &exceptions::ENCODE,
        ErrorKind::Decode { .. } => &exceptions::DECODE,
        ErrorKind::Fatal { .. } => &exceptions::FATAL,
        ErrorKind::Died { .. } => &exceptions::DIED,
        ErrorKind::Thrown(_) => &exceptions::REMOTE,
        ErrorKind::ReleaseGone => &exceptions::RELEASE_GONE,
        ErrorKind::Unavailable => &exceptions::UNAVAILABLE,
        ErrorKind::Protocol => &exceptions::PROTOCOL,
        ErrorKind::NoJobStore => &exceptions::NO_JOB_STORE,
        ErrorKind::QueueFull { .. } => &exceptions::QUEUE_FULL,
        ErrorKind::DuplicateJob { .. } => &exceptions::DUPLICATE_JOB,
        ErrorKind::UnknownJob => &exceptions::UNKNOWN_JOB,
        ErrorKind::JobNotDone => &exceptions::JOB_NOT_DONE,
        ErrorKind::JobFailed { .. } => &exceptions::JOB_FAILED,
    }
}

type Property = (&'static str, Zval);

fn details(kind: &ErrorKind) -> [Option<Property>; 3] {
    match kind {
        ErrorKind::Lost { may_have_run } => [Some(("mayHaveRun", flag(*may_have_run))), None, None],
        ErrorKind::UnknownApp { near } | ErrorKind::UnknownFunction { near } => {
            [Some(("near", list(near))), None, None]
        }
        ErrorKind::Encode { path } | ErrorKind::Decode { path } => {
            [Some(("path", text(path))), None, None]
        }
        ErrorKind::QueueFull { queue } => [Some(("queue", text(queue))), None, None],
        ErrorKind::DuplicateJob { id } | ErrorKind::JobFailed { id } => {
            [Some(("id", text(id.to_string()))), None, None]
        }
        ErrorKind::Fatal { kind, file, line } => [
            Some(("kind", text(fatal_name(*kind)))),
            Some(("remoteFile", text(file))),
            Some(("remoteLine", int((*line).into()))),
        ],
        ErrorKind::Died { cause: ExitCause::Signal(signal) } => {
            [Some(("signal", int((*signal).into()))), None, None]
        }
        ErrorKind::Died { cause: ExitCause::Status(status) } => {
            [Some(("exitStatus", int((*status).into()))), None, None]
        }
        _ => [None, None, None],
    }
}

fn fatal_name(kind: FatalKind) -> &'static str {
    match kind {
        FatalKind::Exit => "exit",
        FatalKind::Memory => "memory",
        FatalKind::Error => "fatal",
    }
}

fn flag(value: bool) -> Zval {
    let mut zval = Zval::new();
    zval.set_bool(value);
    zval
}

pub(super) fn int(value: i64) -> Zval {
    let mut zval = Zval::new();
    zval.set_long(value);
    zval
}

pub(super) fn text(value: impl AsRef<[u8]>) -> Zval {
    let mut zval = Zval::new();
    zval.set_zend_string(ZendStr::new(value, false));
    zval
}

/// Milliseconds as PHP's seconds: exact for every date that matters.
pub(super) fn seconds(ms: u64) -> Zval {
    let mut value = Zval::new();
    value.set_double(ms as f64 / 1000.0);
    value
}

fn list(names: &[String]) -> Zval {
    let mut table = ZendHashTable::new();
    for name in names {
        // A fresh list takes another element until memory ends, which is no error but a bailout.
        let _ = table.push(text(name));
    }
    let mut zval = Zval::new();
    zval.set_hashtable(table);
    zval
}

/// The exception for several failed calls; `exceptions` is the array of theirs.
pub(super) fn aggregate(exceptions: Zval, count: usize) {
    let message = format!("all {count} calls failed; see getExceptions()");
    let error = CallError::new(ErrorKind::Unavailable, message);
    exception::hold(&RAISED, error, |error| {
        let mut object = begin(&exceptions::AGGREGATE, error);
        exception::set(&mut object, "exceptions", exceptions);
        exception::throw(object);
    });
}
