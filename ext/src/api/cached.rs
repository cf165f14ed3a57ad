//! Results of calls that are kept in this process: found before a call is sent, kept after its answer.

use super::cache_key::{self, Arguments};
use super::codec::{self, Fault};
use super::settings;
use crate::cache::{Counts, Fresh, Guards, Results};
use crate::client::{self, CacheTerms, Call, CallId, Ground, Options};
use crate::php::immutable::Immutable;
use ext_php_rs::types::Zval;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// A result may take so much of all that is kept, as a divisor.
const PART: usize = 8;
/// What a shared encoding takes beside its bytes.
const SHARED_BYTES: usize = 48;

thread_local! {
    static RESULTS: RefCell<Option<Results<Value>>> = const { RefCell::new(None) };
    /// Room for a key, used again.
    static KEY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Where time is counted from.
    static BEGAN: Instant = Instant::now();
}

/// A kept value.
enum Value {
    /// Given as it is.
    Immutable(Immutable),
    /// In the value codec: decoded for each caller.
    Encoded(Rc<[u8]>),
}

/// What came of looking for a kept result.
pub(super) enum Look<Otherwise> {
    /// It is given.
    Given,
    /// None is, and the call is to be made.
    Call(Otherwise),
}

/// What a result is looked for by.
pub(super) struct Sought {
    ground: Rc<Ground>,
    key: Vec<u8>,
}

/// What a result is kept by.
pub(super) struct Keep {
    key: Vec<u8>,
    ground: Rc<Ground>,
    guards: Guards,
    sent_ms: u64,
    terms: CacheTerms,
}

/// Gives the kept result of a call that is ready to be sent, if there is one; else what its result is to be
/// kept by, if it is. What [`look_ahead`] missed is not looked for again. May run user code.
pub(super) fn look(
    id: CallId,
    target: &str,
    options: &Options,
    arguments: &Arguments<'_>,
    missed: Option<Sought>,
    result: &mut Zval,
) -> Result<Look<Option<Box<Keep>>>, Fault> {
    let terms = terms(options);
    let missed = match missed {
        // One question, one answer: chance may have decided.
        Some(missed) => missed,
        None => {
            let Some(sought) = sought(id, target, terms, arguments)? else {
                return Ok(Look::Call(None));
            };
            if give(&sought, terms, options, result)? {
                return Ok(Look::Given);
            }
            sought
        }
    };
    Ok(Look::Call(keep(missed, terms, arguments).map(Box::new)))
}

/// `None` = results of this call are neither given nor kept.
fn sought(
    id: CallId,
    target: &str,
    terms: CacheTerms,
    arguments: &Arguments<'_>,
) -> Result<Option<Sought>, Fault> {
    let ground = if terms.bytes_max == 0 { None } else { client::ground(id, target) };
    let Some(ground) = ground else {
        return Ok(None);
    };
    let mut key = Vec::with_capacity(128);
    ground.put(&mut key);
    let put = client::lend(id, |call| cache_key::put(&ground, call, arguments, &mut key));
    Ok(put.unwrap_or(Ok(false))?.then_some(Sought { ground, key }))
}

/// How much is kept is the process's affair, whatever it was when a client was made.
fn terms(options: &Options) -> CacheTerms {
    let bytes_max = settings::current().cache.bytes_max;
    if bytes_max == 0 {
        clear();
    }
    CacheTerms { bytes_max, ..options.cache }
}

/// As [`look`], of a call of which nothing is prepared: where one like it was made before, and its
/// arguments are as plain as they usually are. `None` = that could not be told.
pub(super) fn look_ahead(
    options: &Rc<Options>,
    target: &str,
    positional: &[Zval],
    result: &mut Zval,
) -> Result<Look<Option<Sought>>, Fault> {
    let terms = terms(options);
    if terms.bytes_max == 0 {
        return Ok(Look::Call(None));
    }
    let Some(ground) = client::known_ground(options, target) else {
        return Ok(Look::Call(None));
    };
    let mut sought = Sought { ground, key: KEY.take() };
    sought.key.clear();
    sought.ground.put(&mut sought.key);
    let is_plain = cache_key::put_plain(&sought.ground, positional, &mut sought.key);
    if is_plain && !give(&sought, terms, options, result)? {
        return Ok(Look::Call(Some(sought)));
    }
    KEY.set(sought.key);
    Ok(if is_plain { Look::Given } else { Look::Call(None) })
}

/// Gives the result that is kept under the key, if there is one.
fn give(
    sought: &Sought,
    terms: CacheTerms,
    options: &Options,
    result: &mut Zval,
) -> Result<bool, Fault> {
    let (Sought { ground, key }, now_ms) = (sought, now_ms());
    let found = client::counts(ground, now_ms, |count| {
        with_results(terms, |results| match results.find(key, now_ms, terms.wish, count)? {
            Value::Immutable(value) => {
                value.hand_out(result);
                Some(None)
            }
            Value::Encoded(bytes) => Some(Some(Rc::clone(bytes))),
        })
    });
    if let Some(Some(bytes)) = &found {
        let function = ground.function().map_or("", |function| function.name.as_str());
        *result = codec::decode_result(bytes, options, function)?;
    }
    Ok(found.is_some())
}

/// `None` = nothing could invalidate the result, so it is not kept.
fn keep(missed: Sought, terms: CacheTerms, arguments: &Arguments<'_>) -> Option<Keep> {
    let Sought { ground, key } = missed;
    let slots = cache_key::slots(&ground, arguments)?;
    let sent_ms = now_ms();
    let seen = client::counts(&ground, sent_ms, |count| {
        slots.into_iter().map(|slot| Some((slot, count(slot)?))).collect::<Option<Vec<_>>>()
    });
    Some(Keep { key, ground, guards: Guards::new(seen?), sent_ms, terms })
}

impl Keep {
    /// Keeps what the call came to.
    pub(super) fn keep(self, call: &Call, value: &Zval) {
        let Some(policy) = self.ground.policy().filter(|_| self.ground.is_of(call)) else {
            return;
        };
        let ttl_ms = if value.is_null() { policy.negative_ms } else { policy.ttl_ms };
        if ttl_ms == 0 {
            return with_results(self.terms, |results| results.forget(&self.key));
        }
        let limit = self.terms.bytes_max as usize / PART;
        let immutable = if self.terms.immutable { Immutable::new(value, limit) } else { None };
        let (value, bytes) = match immutable {
            Some(value) => {
                let bytes = value.bytes();
                (Value::Immutable(value), bytes)
            }
            None if call.answer().len() <= limit => {
                (Value::Encoded(call.answer().into()), call.answer().len() + SHARED_BYTES)
            }
            None => {
                return with_results(self.terms, |results| {
                    results.forget(&self.key);
                    results.counts.refused += 1;
                });
            }
        };
        let (guards, sent_ms) = (self.guards, self.sent_ms);
        let fresh = Fresh { value, bytes, ttl_ms, sent_ms, guards };
        with_results(self.terms, |results| results.keep(&self.key, fresh, now_ms()));
    }
}

/// The state of what is kept.
pub(super) struct Report {
    pub(super) counts: Counts,
    pub(super) entries: usize,
    pub(super) bytes: usize,
    pub(super) retired_bytes: usize,
    pub(super) bytes_max: usize,
}

pub(super) fn report(terms: CacheTerms) -> Report {
    with_results(terms, |results| Report {
        counts: results.counts,
        entries: results.len(),
        bytes: results.bytes(),
        retired_bytes: results.retired_bytes(),
        bytes_max: results.bytes_max(),
    })
}

/// Forgets everything that this process keeps.
pub(super) fn clear() {
    RESULTS.with_borrow_mut(|results| {
        if let Some(results) = results {
            results.clear();
        }
    });
}

/// RINIT: nothing that the last PHP request was given is held any more. At its end that is not so yet, and in
/// FrankenPHP's worker mode not when the next one begins, see [`Immutable`].
pub(super) fn request_initializes() {
    RESULTS.with_borrow_mut(|results| {
        if let Some(results) = results {
            results.request_ended();
        }
    });
}

pub(super) fn shut_down() {
    RESULTS.with_borrow_mut(|results| *results = None);
}

fn with_results<R>(terms: CacheTerms, work: impl FnOnce(&mut Results<Value>) -> R) -> R {
    RESULTS.with_borrow_mut(|results| {
        let bytes_max = terms.bytes_max as usize;
        let results = results.get_or_insert_with(|| Results::new(bytes_max, is_immutable));
        results.limit(bytes_max);
        work(results)
    })
}

fn is_immutable(value: &Value) -> bool {
    matches!(value, Value::Immutable(_))
}

fn now_ms() -> u64 {
    BEGAN.with(|began| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
}
