//! The steps that every kind of call shares: begin, wait, and turn the end into a value or an
//! exception.

use super::cache_key::Arguments;
use super::cached::{self, Keep, Look};
use super::codec::{self, Fault};
use super::throw;
use super::{affinity, settings};
use crate::client::{self, Call, CallError, CallId, ErrorKind, Manner, Options, State, Waited};
use crate::php::args::CallArgs;
use crate::php::{self, End, exception};
use ext_php_rs::types::{ZendHashTable, Zval};
use std::rc::Rc;
use std::time::Instant;

/// Sends a call. On an `Err` the call is released, and the exception pending or the bailout due.
pub(super) fn start(
    options: &Rc<Options>,
    target: &str,
    positional: &[Zval],
    named: Option<&ZendHashTable>,
    manner: Manner,
) -> Result<CallId, End> {
    let (id, _) = prepare(options, target, positional, named, manner)?;
    client::dispatch(id);
    Ok(id)
}

/// Everything but sending it. With the call comes where its arguments begin in its frame.
fn prepare(
    options: &Rc<Options>,
    target: &str,
    positional: &[Zval],
    named: Option<&ZendHashTable>,
    manner: Manner,
) -> Result<(CallId, usize), End> {
    let id = client::begin();
    if let Err(error) = client::prepare(id, options, target, manner) {
        client::release(id);
        throw::raise(error);
        return Err(End::Done);
    }
    let encoded = client::lend(id, |call| {
        affinity::set_key(call, positional, named)?;
        let from = call.frame.len();
        codec::encode(call, positional, named).map(|()| from)
    });
    match encoded {
        Some(Ok(from)) => Ok((id, from)),
        Some(Err(fault)) => {
            client::release(id);
            Err(surface(fault))
        }
        None => Err(released()),
    }
}

/// As [`start`], with a frame's arguments and, without options, those of the ini settings.
pub(super) fn start_with(
    options: Option<&Rc<Options>>,
    args: CallArgs<'_>,
    manner: Manner,
) -> Result<CallId, End> {
    let options = given_or_current(options)?;
    start(&options, args.target, args.positional, args.named, manner)
}

fn given_or_current(options: Option<&Rc<Options>>) -> Result<Rc<Options>, End> {
    match options {
        Some(options) => Ok(Rc::clone(options)),
        None => settings::checked().map_err(|error| {
            throw::raise(error);
            End::Done
        }),
    }
}

/// A call that is on its way, and what its result is to be kept by.
pub(super) struct Sent {
    pub(super) id: CallId,
    keep: Option<Box<Keep>>,
}

/// As [`start_with`] of a call that is made alone; `None` when its result was kept, and is given.
pub(super) fn start_unless_kept(
    options: Option<&Rc<Options>>,
    args: CallArgs<'_>,
    result: &mut Zval,
) -> Result<Option<Sent>, End> {
    let options = given_or_current(options)?;
    let CallArgs { target, positional, named } = args;
    let ahead = match named {
        None => cached::look_ahead(&options, target, positional, result).map_err(surface)?,
        Some(_) => Look::Call(None),
    };
    let Look::Call(missed) = ahead else {
        return Ok(None);
    };
    let (id, encoded_from) = prepare(&options, target, positional, named, Manner::Alone)?;
    let arguments = Arguments { positional, named, encoded_from };
    match cached::look(id, target, &options, &arguments, missed, result) {
        Ok(Look::Call(keep)) => {
            client::dispatch(id);
            Ok(Some(Sent { id, keep }))
        }
        Ok(Look::Given) => {
            client::release(id);
            Ok(None)
        }
        Err(fault) => {
            client::release(id);
            Err(surface(fault))
        }
    }
}

/// How [`wait`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Done,
    /// The time given to wait is over.
    NotYet,
    /// A signal handler threw, or the request's own time is over: give the call up.
    Stop,
}

/// Waits for a call, letting PHP handle signals meanwhile.
pub(super) fn wait(id: CallId, until: Option<Instant>) -> Wait {
    loop {
        match client::wait(id, until, &php::wants_interrupt) {
            Waited::Done => return Wait::Done,
            Waited::NotYet => return Wait::NotYet,
            Waited::Interrupted => {
                if !handle_signals() {
                    return Wait::Stop;
                }
            }
        }
    }
}

/// Runs signal handlers. False when the wait must end.
pub(super) fn handle_signals() -> bool {
    php::run_signal_handlers();
    !php::is_throwing() && !php::is_timed_out()
}

/// What a finished call came to.
#[derive(Debug)]
pub(super) enum Settled {
    Value(Zval),
    /// An exception, not thrown.
    Thrown(Zval),
    /// The engine is ending the request (`exit()` in user code, or a bailout).
    End(End),
}

/// Prints what the function printed, and gives its value or throws. The value is kept, too, where there is
/// something to keep it by. Releases the call.
pub(super) fn finish_and_keep(sent: Sent, result: &mut Zval) -> End {
    let Sent { id, keep } = sent;
    match take_end_and(id, |call, value| keep.into_iter().for_each(|keep| keep.keep(call, value))) {
        Ok(value) => {
            *result = value;
            End::Done
        }
        Err(fault) => surface(fault),
    }
}

/// As [`finish_and_keep`], but keeps what there is to throw, and no value.
pub(super) fn settle(id: CallId) -> Settled {
    match take_end(id) {
        Ok(value) => Settled::Value(value),
        Err(Fault::Call(error)) => match throw::make(error) {
            Ok(thrown) => Settled::Thrown(thrown),
            Err(end) => Settled::End(end),
        },
        Err(Fault::Thrown) => match exception::take() {
            Some(thrown) => Settled::Thrown(thrown),
            None => Settled::End(End::Done),
        },
        Err(Fault::Bailout) => Settled::End(End::Bailout),
    }
}

fn take_end(id: CallId) -> Result<Zval, Fault> {
    take_end_and(id, |_, _| ())
}

/// With the call and its value something is done before the call is released.
fn take_end_and(id: CallId, done: impl FnOnce(&Call, &Zval)) -> Result<Zval, Fault> {
    let taken = client::lend(id, |call| {
        php::output::print(call.output());
        if php::is_throwing() {
            return Err(Fault::Thrown);
        }
        match std::mem::take(&mut call.state) {
            State::Value => codec::decode(call).inspect(|value| done(call, value)),
            State::Failed(error) => Err(Fault::Call(error)),
            State::Idle | State::InFlight => Err(Fault::Call(unfinished(&call.function))),
        }
    });
    client::release(id);
    taken.unwrap_or_else(|| Err(Fault::Call(unfinished(""))))
}

pub(super) fn surface(fault: Fault) -> End {
    match fault {
        Fault::Call(error) => throw::surface(error),
        Fault::Thrown => End::Done,
        Fault::Bailout => End::Bailout,
    }
}

/// A wait that was stopped from outside.
pub(super) fn unfinished(function: &str) -> CallError {
    let message = format!("waiting for {function}() was interrupted");
    CallError::new(ErrorKind::Cancelled, message).of(function)
}

pub(super) fn released() -> End {
    throw::raise(CallError::new(ErrorKind::Cancelled, "the call was released"));
    End::Done
}
