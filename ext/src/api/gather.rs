//! `Future::all()`, `any()` and `race()`: waiting for several.

use super::future::{self, Future};
use super::throw;
use crate::client::{self, CallError, CallId, Waited};
use crate::php::args::{self, Param};
use crate::php::cursor::{Cursor, Step};
use crate::php::{End, Handle, guard, is_throwing, table, wants_interrupt};
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::ExecuteData;
use std::time::Instant;

/// Most futures one wait takes.
const FUTURES_MAX: usize = 65_536;

pub(super) extern "C" fn all(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| with_futures(frame, |futures, until| wait_all(futures, until, result)));
}

pub(super) extern "C" fn any(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| with_futures(frame, |futures, until| wait_any(futures, until, result)));
}

pub(super) extern "C" fn race(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| with_futures(frame, |futures, until| wait_race(futures, until, result)));
}

/// Reads the arguments; the futures are handed over as a PHP array, which PHP owns.
fn with_futures(frame: &ExecuteData, work: impl FnOnce(&Zval, Option<Instant>) -> End) -> End {
    let mut futures = std::ptr::null_mut();
    let before = Some(Param::Any(&mut futures));
    let Some(until) = future::timeout(frame, c"z|d!", before) else {
        return End::Done;
    };
    let Some(futures) = args::value(frame, futures) else {
        return End::Done;
    };
    if !args::is_iterable(futures) {
        args::type_error(1, c"Traversable|array", futures);
        return End::Done;
    }
    match collect(futures) {
        Some(futures) => work(&futures, until),
        None => End::Done,
    }
}

/// Copies the iterable into an array. `None` = an exception is pending.
fn collect(source: &Zval) -> Option<Zval> {
    let mut table = ZendHashTable::new();
    let mut cursor = Cursor::new(source)?;
    loop {
        let (key, value) = match cursor.next() {
            Step::Item { key, value } => (key, value),
            Step::End => break,
            Step::Thrown => return None,
        };
        if Handle::<Future>::of_value(&value).is_none() {
            args::type_error(1, c"iterable of AppServer\\Future", &value);
            return None;
        }
        if table.len() >= FUTURES_MAX {
            args::value_error(1, c"must not hold more than 65536 futures");
            return None;
        }
        table::set(&mut table, &key, value);
    }
    let mut array = Zval::new();
    array.set_hashtable(table);
    Some(array)
}

fn handles(futures: &Zval) -> impl Iterator<Item = Handle<Future>> {
    let values = futures.array().into_iter().flat_map(ZendHashTable::values);
    values.filter_map(Handle::<Future>::of_value)
}

/// An array with what `take` makes of each future, under its key.
fn by_key(futures: &Zval, take: impl Fn(Handle<Future>) -> Zval) -> Zval {
    let mut table = ZendHashTable::new();
    let mut cursor = Cursor::new(futures);
    while let Some(Step::Item { key, value }) = cursor.as_mut().map(Cursor::next) {
        if let Some(future) = Handle::<Future>::of_value(&value) {
            table::set(&mut table, &key, take(future));
        }
    }
    let mut array = Zval::new();
    array.set_hashtable(table);
    array
}

fn wait_all(futures: &Zval, until: Option<Instant>, result: &mut Zval) -> End {
    for future in in_order_of_completion(futures, until) {
        let future = match future {
            Ok(future) => future,
            Err(end) => return end,
        };
        if let Some(end) = settled(future) {
            return end;
        }
        if future::thrown(future).is_some() {
            cancel_all(futures);
            future::deliver(future, result);
            return End::Done;
        }
    }
    *result = by_key(futures, |future| {
        let mut value = Zval::null();
        future::deliver(future, &mut value);
        value
    });
    End::Done
}

fn wait_any(futures: &Zval, until: Option<Instant>, result: &mut Zval) -> End {
    for future in in_order_of_completion(futures, until) {
        let future = match future {
            Ok(future) => future,
            Err(end) => return end,
        };
        if let Some(end) = settled(future) {
            return end;
        }
        if future::thrown(future).is_none() {
            cancel_all(futures);
            future::deliver(future, result);
            return End::Done;
        }
    }
    let exceptions = by_key(futures, |future| future::thrown(future).unwrap_or_else(Zval::null));
    throw::aggregate(exceptions, futures.array().map_or(0, ZendHashTable::len));
    End::Done
}

fn wait_race(futures: &Zval, until: Option<Instant>, result: &mut Zval) -> End {
    match in_order_of_completion(futures, until).next() {
        Some(Ok(future)) => {
            if let Some(end) = settled(future) {
                return end;
            }
            cancel_all(futures);
            future::deliver(future, result);
            End::Done
        }
        Some(Err(end)) => end,
        None => {
            throw::raise(CallError::config("race() of no futures would wait for ever"));
            End::Done
        }
    }
}

/// Decodes the outcome; `Some` when the request is ending meanwhile.
fn settled(future: Handle<Future>) -> Option<End> {
    match future::settle(future) {
        End::Bailout => Some(End::Bailout),
        End::Done if is_throwing() => Some(End::Done),
        End::Done => None,
    }
}

fn cancel_all(futures: &Zval) {
    for id in handles(futures).filter_map(future::running) {
        client::cancel(id);
    }
}

/// The futures as their calls end. An `Err` is the last item: the time is over, or the wait was
/// interrupted, and an exception is pending or due.
fn in_order_of_completion(
    futures: &Zval,
    until: Option<Instant>,
) -> impl Iterator<Item = Result<Handle<Future>, End>> {
    // Indices and handles only: nothing of this needs a destructor that matters.
    let mut open: Vec<Handle<Future>> = handles(futures).collect();
    open.reverse();
    let mut stopped = false;
    std::iter::from_fn(move || {
        loop {
            if stopped || open.is_empty() {
                return None;
            }
            if let Some(done) = open.iter().rposition(|future| future::is_done(*future)) {
                let future = open.remove(done);
                if future::is_decoding(future) {
                    stopped = true;
                    throw::raise(future::awaited_by_itself());
                    return Some(Err(End::Done));
                }
                return Some(Ok(future));
            }
            let ids: Vec<CallId> = open.iter().filter_map(|f| future::running(*f)).collect();
            match client::wait_any(&ids, until, &wants_interrupt) {
                Waited::Done => {}
                Waited::NotYet => {
                    stopped = true;
                    throw::raise(future::not_yet());
                    return Some(Err(End::Done));
                }
                Waited::Interrupted => {
                    if !super::outcome::handle_signals() {
                        stopped = true;
                        return Some(Err(End::Done));
                    }
                }
            }
        }
    })
}
