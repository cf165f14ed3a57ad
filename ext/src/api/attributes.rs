//! The attribute classes for deployed functions: plain values that the executor reads by reflection.

use crate::php::args::{self, Param};
use crate::php::{Class, End, guard, properties, ty};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, ConstantFlags, DataType, MethodFlags};
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use std::ptr;

static REMOTE: Class = Class::unregistered();
static TIMEOUT: Class = Class::unregistered();
static AFFINITY: Class = Class::unregistered();
static IDEMPOTENT: Class = Class::unregistered();
static ISOLATION: Class = Class::unregistered();
static POOL: Class = Class::unregistered();

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
    define(&POOL, "AppServer\\Pool", constructor, Some(("name", ty::STRING)))
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
