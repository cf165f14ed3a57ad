//! The attribute classes for deployed functions: plain values that the executor reads by reflection.

use crate::php::args::{self, Param};
use crate::php::typed::{self, Default, Given, Typed};
use crate::php::{Class, End, guard, properties, ty};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, ConstantFlags, DataType, MethodFlags};
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use protocol::{BadOption, CacheOptions};
use std::ptr;

static REMOTE: Class = Class::unregistered();
static TIMEOUT: Class = Class::unregistered();
static AFFINITY: Class = Class::unregistered();
static IDEMPOTENT: Class = Class::unregistered();
static ISOLATION: Class = Class::unregistered();
static POOL: Class = Class::unregistered();
static CACHEABLE: Class = Class::unregistered();

/// What the constructor of `Cacheable` takes, and its properties.
static CACHEABLE_PARAMS: [Typed; 4] = [
    Typed::required("ttl", ty::FLOAT),
    Typed::nullable("negative", ty::FLOAT),
    Typed::required("tags", ty::ARRAY).default(Default::EmptyArray),
    Typed::nullable("vary", ty::ARRAY),
];

/// `Attribute::TARGET_FUNCTION | Attribute::TARGET_METHOD`.
const FUNCTIONS: u32 = 1 << 1 | 1 << 2;

/// Registers the classes.
pub(super) fn register() -> Result<()> {
    let export = Arg::new("export", DataType::Bool).default("true");
    let constructor = FunctionBuilder::constructor(construct_remote).not_required().arg(export);
    define(&REMOTE, "AppServer\\Remote", constructor, Some(("export", ty::BOOL)))?;

    let constructor =
        FunctionBuilder::constructor(construct_timeout).arg(Arg::new("seconds", DataType::Double));
    define(&TIMEOUT, "AppServer\\Timeout", constructor, Some(("seconds", ty::FLOAT)))?;

    let constructor = FunctionBuilder::constructor(construct_affinity)
        .arg(Arg::new("parameter", DataType::String));
    define(&AFFINITY, "AppServer\\Affinity", constructor, Some(("parameter", ty::STRING)))?;

    let constructor = FunctionBuilder::constructor(construct_idempotent);
    define(&IDEMPOTENT, "AppServer\\Idempotent", constructor, None)?;

    let constructor =
        FunctionBuilder::constructor(construct_isolation).arg(Arg::new("mode", DataType::String));
    define(&ISOLATION, "AppServer\\Isolation", constructor, Some(("mode", ty::STRING)))?;

    let constructor =
        FunctionBuilder::constructor(construct_pool).arg(Arg::new("name", DataType::String));
    define(&POOL, "AppServer\\Pool", constructor, Some(("name", ty::STRING)))?;

    let constructor = FunctionBuilder::constructor(construct_cacheable);
    let params = CACHEABLE_PARAMS.iter();
    let required = params.clone().filter(|param| param.default.is_none()).count();
    let constructor = params.clone().fold(constructor, |f, param| f.arg(param.arg()));
    define(&CACHEABLE, "AppServer\\Cacheable", constructor.required_args(required), None)?;
    params.for_each(|param| param.declare(&CACHEABLE));
    Ok(())
}

fn define(
    class: &'static Class,
    name: &str,
    constructor: FunctionBuilder<'static>,
    property: Option<(&str, u32)>,
) -> Result<()> {
    let mut builder = ClassBuilder::new(name)
        .flags(ClassFlags::Final)
        .method(constructor, MethodFlags::Public | MethodFlags::IsConstructor);
    if name.ends_with("Isolation") {
        builder = builder
            .constant("STATELESS", interned("stateless"), &[], ConstantFlags::Public)?
            .constant("RESIDENT", interned("resident"), &[], ConstantFlags::Public)?;
    }
    class.register(builder)?;
    if let Some((property, mask)) = property {
        class.readonly_property(property, mask);
    }
    class.attribute(FUNCTIONS);
    Ok(())
}

/// A constant's value: of the process's memory, not a request's.
fn interned(text: &str) -> Zval {
    let mut value = Zval::new();
    value.set_zend_string(ZendStr::new_interned(text, true));
    value
}

extern "C" fn construct_remote(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let mut export = 1;
        if args::parse(frame, c"|b", &mut [Param::Bool(&mut export)]).is_some() {
            let mut value = Zval::new();
            value.set_bool(export != 0);
            assign(frame, &REMOTE, "export", value);
        }
        End::Done
    });
}

extern "C" fn construct_timeout(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let mut seconds = 0.0;
        if args::parse(frame, c"d", &mut [Param::Float(&mut seconds)]).is_none() {
            return End::Done;
        }
        if super::settings::duration(seconds).is_none_or(|limit| limit.is_zero()) {
            args::value_error(1, c"must be more than 0 and at most 86400 seconds");
            return End::Done;
        }
        let mut value = Zval::new();
        value.set_double(seconds);
        assign(frame, &TIMEOUT, "seconds", value);
        End::Done
    });
}

extern "C" fn construct_affinity(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        if let Some(parameter) = one_text(frame) {
            assign(frame, &AFFINITY, "parameter", parameter);
        }
        End::Done
    });
}

extern "C" fn construct_idempotent(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        args::none(frame);
        End::Done
    });
}

extern "C" fn construct_isolation(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(mode) = one_text(frame) else {
            return End::Done;
        };
        if !matches!(mode.str(), Some("stateless" | "resident")) {
            args::value_error(1, c"must be \"stateless\" or \"resident\"");
            return End::Done;
        }
        assign(frame, &ISOLATION, "mode", mode);
        End::Done
    });
}

extern "C" fn construct_pool(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        if let Some(name) = one_text(frame) {
            assign(frame, &POOL, "name", name);
        }
        End::Done
    });
}

extern "C" fn construct_cacheable(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(mut object) = args::this_object(frame) else {
            return End::Done;
        };
        if let Some(given) = typed::read(frame, 0, &CACHEABLE_PARAMS)
            && check_cacheable(&given).is_some()
            && let Some(object) = object.object_mut()
        {
            given.assign(object, &CACHEABLE);
        }
        End::Done
    });
}

/// Checks what needs no function. `None` = an exception is pending.
fn check_cacheable(given: &Given<'_>) -> Option<()> {
    let options = CacheOptions {
        ttl_ms: milliseconds(given, "ttl")?,
        negative_ms: milliseconds(given, "negative")?,
        tags: texts(given, "tags")?,
        vary: texts(given, "vary")?,
    };
    accepted(given, options.check())
}

fn milliseconds(given: &Given<'_>, option: &'static str) -> Option<Option<u64>> {
    let time = given.float(option).map(|seconds| CacheOptions::milliseconds(option, seconds));
    accepted(given, time.transpose())
}

fn texts(given: &Given<'_>, option: &str) -> Option<Option<Vec<String>>> {
    let Some(table) = given.get(option).and_then(Zval::array) else {
        return Some(None);
    };
    let text = |value: &Zval| value.dereference().str().map(str::to_owned);
    let texts: Option<Vec<String>> = table.values().map(text).collect();
    if texts.is_none() {
        given.refuse(option, "must be strings of valid UTF-8");
    }
    texts.map(Some)
}

/// `None` = an exception is pending.
fn accepted<T>(given: &Given<'_>, checked: std::result::Result<T, BadOption>) -> Option<T> {
    checked.map_err(|BadOption { option, reason }| given.refuse(option, &reason)).ok()
}

fn one_text(frame: &ExecuteData) -> Option<Zval> {
    let mut text = ptr::null();
    args::parse(frame, c"S", &mut [Param::Text(&mut text)])?;
    args::text(frame, text)
}

fn assign(frame: &mut ExecuteData, class: &'static Class, property: &str, value: Zval) {
    if let Some(this) = args::this(frame) {
        properties::set(this, class.entry(), property, value);
    }
}
