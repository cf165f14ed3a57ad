//! `Future::all()`, `any()` and `race()`: waiting for several.

use super::future::{self, Future};
use super::throw;
use crate::client::{self, CallError, CallId, Waited};
use crate::php::args::{self, Param};
use crate::php::cursor::{Cursor, Step};
use crate::php::{End, Handle, guard, is_throwing, wants_interrupt};
use ext_php_rs::types::{ArrayKey, ZendHashTable, Zval};
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
fn with_futures(
    frame: &ExecuteData,
    work: impl FnOnce(&ZendHashTable, Option<Instant>) -> End,
) -> End {
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
        Some(futures) => futures.array().map_or(End::Done, |futures| work(futures, until)),
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
        insert(&mut table, &key, value);
    }
    let mut array = Zval::new();
    array.set_hashtable(table);
    Some(array)
}

/// Adds under the same key. Keys that an array cannot have are cast as an array cast would; adding
/// itself fails for want of memory only, which PHP does not report this way.
fn insert(table: &mut ZendHashTable, key: &Zval, value: Zval) {
    let _ = match (key.long(), key.zend_str()) {
        (Some(index), _) => table.insert_at_index(index, value),
        (None, Some(name)) => match name.as_str() {
            Ok(name) => table.insert(ArrayKey::Str(name), value),
            Err(_) => table.push(value),
        },
        (None, None) => table.push(value),
    };
}

fn handles(futures: &ZendHashTable) -> impl Iterator<Item = Handle<Future>> {
    futures.values().filter_map(Handle::<Future>::of_value)
}

fn wait_all(futures: &ZendHashTable, until: Option<Instant>, result: &mut Zval) -> End {
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
    let mut values = ZendHashTable::new();
    for (key, value) in futures {
        let mut outcome = Zval::null();
        if let Some(future) = Handle::<Future>::of_value(value) {
            future::deliver(future, &mut outcome);
        }
        let _ = match key {
            ArrayKey::Long(index) => values.insert_at_index(index, outcome),
            key => values.insert(key, outcome),
        };
    }
    result.set_hashtable(values);
    End::Done
}

fn wait_any(futures: &ZendHashTable, until: Option<Instant>, result: &mut Zval) -> End {
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
    let mut exceptions = ZendHashTable::new();
    for (key, value) in futures {
        let thrown = Handle::<Future>::of_value(value).and_then(future::thrown);
        let _ = match key {
            ArrayKey::Long(index) => exceptions.insert_at_index(index, thrown),
            key => exceptions.insert(key, thrown),
        };
    }
    let mut array = Zval::new();
    array.set_hashtable(exceptions);
    throw::aggregate(array, futures.len());
    End::Done
}

fn wait_race(futures: &ZendHashTable, until: Option<Instant>, result: &mut Zval) -> End {
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

fn cancel_all(futures: &ZendHashTable) {
    for id in handles(futures).filter_map(future::running) {
        client::cancel(id);
    }
}

/// The futures as their calls end. An `Err` is the last item: the time is over, or the wait was
/// interrupted, and an exception is pending or due.
fn in_order_of_completion(
    futures: &ZendHashTable,
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
                return Some(Ok(open.remove(done)));
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
