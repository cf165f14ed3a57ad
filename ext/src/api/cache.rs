//! `AppServer\Cache`: results of calls that are kept in PHP processes.

use super::cached;
use super::client::{CLIENT_NAME, options_of};
use super::settings;
use super::status::{count, record};
use super::throw::{self, int};
use crate::client::{self, CallError};
use crate::php::typed::{self, Typed};
use crate::php::{Class, End, args, guard, ty};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;

static CLASS: Class = Class::unregistered();

static INVALIDATE: [Typed; 3] = [
    Typed::nullable("function", ty::STRING),
    Typed::required("tags", ty::STRING | ty::ARRAY).default(typed::Default::EmptyArray),
    Typed::nullable("client", 0).or(&CLIENT_NAME),
];

/// Registers the class.
pub(super) fn register() -> Result<()> {
    let public = MethodFlags::Public | MethodFlags::Static;
    let invalidate = FunctionBuilder::new("invalidate", invalidate).not_required();
    let invalidate = INVALIDATE.iter().fold(invalidate, |f, param| f.arg(param.arg()));
    let constructor = FunctionBuilder::constructor(construct);
    let builder = ClassBuilder::new("AppServer\\Cache")
        .flags(ClassFlags::Final)
        .method(constructor, MethodFlags::Private | MethodFlags::IsConstructor)
        .method(invalidate.returns(DataType::Long, false, false), public)
        .method(FunctionBuilder::new("stats", stats).returns(DataType::Array, false, false), public)
        .method(FunctionBuilder::new("clear", clear).returns(DataType::Void, false, false), public);
    CLASS.register(builder)?;
    CLASS.widen("invalidate", 1, ty::ARRAY | ty::STRING);
    Ok(())
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        args::none(frame);
        End::Done
    });
}

extern "C" fn invalidate(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let Some(given) = typed::read(frame, 0, &INVALIDATE) else {
            return End::Done;
        };
        let Some(options) = options_of(given.get("client")) else {
            return End::Done;
        };
        let function = given.get("function").and_then(Zval::str);
        match given.get("tags").map_or(Ok(Vec::new()), texts) {
            Ok(tags) => {
                let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
                match client::invalidate(&options, function, &tags) {
                    Ok(workers) => *result = count(workers),
                    Err(error) => throw::raise(error),
                }
            }
            Err(error) => throw::raise(error),
        }
        End::Done
    });
}

fn texts(tags: &Zval) -> std::result::Result<Vec<Vec<u8>>, CallError> {
    let text = |tag: &Zval| tag.dereference().zend_str().map(|tag| tag.as_bytes().to_vec());
    if let Some(tag) = text(tags) {
        return Ok(vec![tag]);
    }
    let tags = tags.array().into_iter().flat_map(|tags| tags.values());
    let texts: Option<Vec<Vec<u8>>> = tags.map(text).collect();
    texts.ok_or_else(|| CallError::config("tags: expected strings".to_owned()))
}

extern "C" fn stats(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some() {
            *result = array();
        }
        End::Done
    });
}

extern "C" fn clear(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some() {
            cached::clear();
        }
        End::Done
    });
}

/// What `AppServer\Cache::stats()` returns, and `appserver_status()` has under "cache".
pub(super) fn array() -> Zval {
    let report = cached::report(settings::current().cache);
    let number = |number: u64| int(i64::try_from(number).unwrap_or(i64::MAX));
    let counts = report.counts;
    let misses = record([
        ("absent", number(counts.absent)),
        ("expired", number(counts.expired)),
        ("early", number(counts.early)),
        ("invalidated", number(counts.invalidated)),
        ("too_old", number(counts.too_old)),
        ("fresh_wanted", number(counts.bypassed)),
    ]);
    record([
        ("hits", number(counts.hits)),
        ("misses", misses),
        ("kept", number(counts.kept)),
        ("refused", number(counts.refused)),
        ("evicted", number(counts.evicted)),
        ("entries", count(report.entries)),
        ("bytes", count(report.bytes)),
        ("bytes_held_by_request", count(report.retired_bytes)),
        ("bytes_max", count(report.bytes_max)),
    ])
}
