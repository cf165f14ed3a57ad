//! `AppServer\Future`: a call in flight.

use super::outcome::{self, Settled, Wait};
use super::{gather, throw};
use crate::client::{self, CallError, CallId, ErrorKind, Manner, Options};
use crate::php::args::{self, CallArgs, Param};
use crate::php::{Carried, Class, Collector, End, Handle, Handler, Handlers, exception, guard};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use std::rc::Rc;
use std::time::{Duration, Instant};

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

/// What a `Future` carries.
#[derive(Debug, Default)]
pub(super) enum Future {
    /// Made by nobody: the constructor is private.
    #[default]
    Empty,
    Running(CallId),
    /// The call has ended, and its outcome is being decoded, which runs user code.
    Decoding(CallId),
    Value(Zval),
    Thrown(Zval),
}

impl Carried for Future {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }

    fn trace(&self, collector: &mut Collector) {
        if let Some(value) = self.held() {
            collector.show(value);
        }
    }
}

impl Future {
    /// The value held, if any, for the collector of cycles.
    pub(crate) fn held(&self) -> Option<&Zval> {
        match self {
            Self::Value(value) | Self::Thrown(value) => Some(value),
            Self::Empty | Self::Running(_) | Self::Decoding(_) => None,
        }
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        if let Self::Running(id) | Self::Decoding(id) = self {
            client::release(*id);
        }
    }
}

/// Registers the class.
pub(super) fn register() -> Result<()> {
    let static_public = MethodFlags::Public | MethodFlags::Static;
    let timeout = || Arg::new("timeout", DataType::Double).allow_null().default("null");
    let several = |name: &'static str, handler: Handler| {
        FunctionBuilder::new(name, handler)
            .arg(Arg::new("futures", DataType::Iterable))
            .not_required()
            .arg(timeout())
    };
    let builder = ClassBuilder::new("AppServer\\Future")
        .flags(ClassFlags::Final)
        .method(
            FunctionBuilder::constructor(construct),
            MethodFlags::Private | MethodFlags::IsConstructor,
        )
        .method(
            FunctionBuilder::new("await", await_one).not_required().arg(timeout()).returns(
                DataType::Mixed,
                false,
                false,
            ),
            MethodFlags::Public,
        )
        .method(
            FunctionBuilder::new("ready", ready).returns(DataType::Bool, false, false),
            MethodFlags::Public,
        )
        .method(
            FunctionBuilder::new("cancel", cancel).returns(DataType::Bool, false, false),
            MethodFlags::Public,
        )
        .method(several("all", gather::all).returns(DataType::Array, false, false), static_public)
        .method(several("any", gather::any).returns(DataType::Mixed, false, false), static_public)
        .method(
            several("race", gather::race).returns(DataType::Mixed, false, false),
            static_public,
        );
    CLASS.register(builder)?;
    Future::install();
    Ok(())
}

/// Starts a call; `result` is its future.
pub(super) fn start(options: Option<&Rc<Options>>, args: CallArgs<'_>, result: &mut Zval) -> End {
    match outcome::start_with(options, args, Manner::Beside) {
        Ok(id) => {
            client::give_to_object(id);
            Handle::create(Future::Running(id), result);
            End::Done
        }
        Err(end) => end,
    }
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        args::none(frame);
        End::Done
    });
}

extern "C" fn await_one(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let Some(until) = timeout(frame, c"|d!", None) else {
            return End::Done;
        };
        match Handle::<Future>::of_value(&frame.This) {
            Some(future) => await_until(future, until, result),
            None => End::Done,
        }
    });
}

/// Waits for one future, and gives what it came to.
pub(super) fn await_until(
    future: Handle<Future>,
    until: Option<Instant>,
    result: &mut Zval,
) -> End {
    if is_decoding(future) {
        throw::raise(awaited_by_itself());
        return End::Done;
    }
    if let Some(id) = running(future) {
        match outcome::wait(id, until) {
            Wait::Done => {}
            Wait::NotYet => {
                throw::raise(not_yet());
                return End::Done;
            }
            Wait::Stop => return End::Done,
        }
        if let End::Bailout = settle(future) {
            return End::Bailout;
        }
    }
    deliver(future, result);
    End::Done
}

/// The call, while it is in flight as far as we have looked.
pub(super) fn running(future: Handle<Future>) -> Option<CallId> {
    future.with(|future| match future {
        Future::Running(id) => Some(*id),
        _ => None,
    })
}

/// Whether the outcome is being decoded, by a frame that waits for the code that asks.
pub(super) fn is_decoding(future: Handle<Future>) -> bool {
    future.with(|future| matches!(future, Future::Decoding(_)))
}

/// Whether the call has an outcome; looks at what has arrived.
pub(super) fn is_done(future: Handle<Future>) -> bool {
    running(future).is_none_or(client::poll)
}

/// Decodes the outcome of a finished call, once.
pub(super) fn settle(future: Handle<Future>) -> End {
    let Some(id) = running(future) else {
        return End::Done;
    };
    // `Decoding` releases the call as well, so what it takes the place of must not.
    future.with(|future| std::mem::forget(std::mem::replace(future, Future::Decoding(id))));
    let (settled, end) = outcome_of(outcome::settle(id));
    // The call is released, so what is replaced must not release it again.
    future.with(|future| std::mem::forget(std::mem::replace(future, settled)));
    end
}

/// What to keep of a call's end.
pub(super) fn outcome_of(settled: Settled) -> (Future, End) {
    match settled {
        Settled::Value(value) => (Future::Value(value), End::Done),
        Settled::Thrown(thrown) => (Future::Thrown(thrown), End::Done),
        Settled::End(end) => (Future::Empty, end),
    }
}

/// What a settled future threw.
pub(super) fn thrown(future: Handle<Future>) -> Option<Zval> {
    future.with(|future| match future {
        Future::Thrown(thrown) => Some(thrown.shallow_clone()),
        _ => None,
    })
}

/// Returns the value, or throws.
pub(super) fn deliver(future: Handle<Future>, result: &mut Zval) {
    if let Some(thrown) = thrown(future) {
        exception::throw(thrown);
        return;
    }
    let value = future.with(|future| match future {
        Future::Value(value) => Some(value.shallow_clone()),
        _ => None,
    });
    if let Some(value) = value {
        *result = value;
    }
}

extern "C" fn ready(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some()
            && let Some(future) = Handle::<Future>::of_value(&frame.This)
        {
            result.set_bool(is_done(future));
        }
        End::Done
    });
}

extern "C" fn cancel(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some()
            && let Some(future) = Handle::<Future>::of_value(&frame.This)
        {
            result.set_bool(running(future).is_some_and(client::cancel));
        }
        End::Done
    });
}

/// Reads `?float $timeout`, alone or after the parameters in `before`. `None` = an exception is
/// pending; `Some(None)` = no limit.
pub(super) fn timeout(
    frame: &ExecuteData,
    spec: &std::ffi::CStr,
    before: Option<Param<'_>>,
) -> Option<Option<Instant>> {
    let position = if before.is_some() { 2 } else { 1 };
    let (mut seconds, mut is_null) = (0.0, 1);
    let limit = Param::FloatOrNull(&mut seconds, &mut is_null);
    match before {
        Some(before) => args::parse(frame, spec, &mut [before, limit])?,
        None => args::parse(frame, spec, &mut [limit])?,
    }
    if is_null != 0 {
        return Some(None);
    }
    let Some(limit) = super::settings::duration(seconds) else {
        args::value_error(position, c"must be from 0 to 86400 seconds");
        return None;
    };
    Some(Some(Instant::now() + limit.max(Duration::ZERO)))
}

pub(super) fn awaited_by_itself() -> CallError {
    CallError::config(
        "a Future cannot be awaited by the code that decoding its result runs (an autoloader, \
         __unserialize() or __wakeup())",
    )
}

pub(super) fn not_yet() -> CallError {
    let message = "no result yet within the time given to await; the call goes on";
    CallError::new(ErrorKind::Timeout, message)
}
