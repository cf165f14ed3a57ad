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

/// What was found.
pub(super) enum Look {
    /// It is given, or the attempt to is over.
    Given,
    /// The call is to be made; what it comes to is kept where there is something to keep it by.
    Call(Option<Box<Keep>>),
}

/// What a result is kept by.
pub(super) struct Keep {
    key: Vec<u8>,
    ground: Rc<Ground>,
    guards: Guards,
    sent_ms: u64,
    terms: CacheTerms,
}

/// Gives the kept result of a call that is ready to be sent, if there is one. May run user code.
pub(super) fn look(
    id: CallId,
    target: &str,
    options: &Options,
    arguments: &Arguments<'_>,
    ahead: Ahead,
    result: &mut Zval,
) -> Result<Look, Fault> {
    let terms = terms(options);
    let keep = match ahead {
        // One question, one answer: chance may have decided.
        Ahead::None { ground, key } => keep(ground, key, terms, arguments),
        Ahead::Given | Ahead::Unknown => {
            let ground = if terms.bytes_max == 0 { None } else { client::ground(id, target) };
            let Some(ground) = ground else {
                return Ok(Look::Call(None));
            };
            let mut key = Vec::with_capacity(128);
            ground.put(&mut key);
            let put = client::lend(id, |call| cache_key::put(&ground, call, arguments, &mut key));
            if !put.unwrap_or(Ok(false))? {
                return Ok(Look::Call(None));
            }
            if give(&key, now_ms(), &ground, options, result)? {
                return Ok(Look::Given);
            }
            keep(ground, key, terms, arguments)
        }
    };
    Ok(Look::Call(keep.map(Box::new)))
}

/// How much is kept is the process's affair, whatever it was when a client was made.
fn terms(options: &Options) -> CacheTerms {
    let bytes_max = settings::current().cache.bytes_max;
    if bytes_max == 0 {
        clear();
    }
    CacheTerms { bytes_max, ..options.cache }
}

/// What came of looking before anything was prepared.
pub(super) enum Ahead {
    Given,
    /// There is none that will do.
    None {
        ground: Rc<Ground>,
        key: Vec<u8>,
    },
    /// That could not be told.
    Unknown,
}

/// As [`look`], of a call of which nothing is prepared: where one like it was made before, and its
/// arguments are as plain as they usually are.
pub(super) fn look_ahead(
    options: &Rc<Options>,
    target: &str,
    positional: &[Zval],
    result: &mut Zval,
) -> Result<Ahead, Fault> {
    if terms(options).bytes_max == 0 {
        return Ok(Ahead::Unknown);
    }
    let Some(ground) = client::known_ground(options, target) else {
        return Ok(Ahead::Unknown);
    };
    let mut key = KEY.take();
    key.clear();
    ground.put(&mut key);
    let given = cache_key::put_plain(&ground, positional, &mut key)
        .then(|| give(&key, now_ms(), &ground, options, result));
    if let Some(Ok(false)) = given {
        return Ok(Ahead::None { ground, key });
    }
    KEY.set(key);
    Ok(if given.transpose()?.is_some() { Ahead::Given } else { Ahead::Unknown })
}

/// Gives the result that is kept under the key, if there is one.
fn give(
    key: &[u8],
    now_ms: u64,
    ground: &Ground,
    options: &Options,
    result: &mut Zval,
) -> Result<bool, Fault> {
    let terms = terms(options);
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
fn keep(
    ground: Rc<Ground>,
    key: Vec<u8>,
    terms: CacheTerms,
    arguments: &Arguments<'_>,
) -> Option<Keep> {
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
    RESULTS.with_borrow(|results| match results {
        Some(results) => Report {
            counts: results.counts,
            entries: results.len(),
            bytes: results.bytes(),
            retired_bytes: results.retired_bytes(),
            bytes_max: results.bytes_max(),
        },
        None => Report {
            counts: Counts::default(),
            entries: 0,
            bytes: 0,
            retired_bytes: 0,
            bytes_max: terms.bytes_max as usize,
        },
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
