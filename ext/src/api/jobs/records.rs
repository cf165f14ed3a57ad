//! Classes that are their constructors' arguments: how to back off, what is unique, limits, arguments as
//! bytes, and the attributes `#[Queued]` and `#[Schedule]`, which the executor reads by reflection.

use super::enums::UNIQUE_MODE_NAME;
use super::terms;
use crate::php::args;
use crate::php::typed::{self, Default, Given, Named, Typed};
use crate::php::{Class, End, guard, ty};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;

static BACKOFF: Class = Class::unregistered();
static UNIQUE: Class = Class::unregistered();
static LIMIT: Class = Class::unregistered();
pub(super) static ENCODED: Class = Class::unregistered();
static QUEUED: Class = Class::unregistered();
static SCHEDULE: Class = Class::unregistered();

pub(super) static BACKOFF_NAME: Named =
    Named { name: "AppServer\\Backoff", entry: || BACKOFF.entry() };
pub(super) static UNIQUE_NAME: Named =
    Named { name: "AppServer\\Unique", entry: || UNIQUE.entry() };
pub(super) static LIMIT_NAME: Named = Named { name: "AppServer\\Limit", entry: || LIMIT.entry() };
pub(super) static ENCODED_NAME: Named =
    Named { name: "AppServer\\Encoded", entry: || ENCODED.entry() };

/// `Attribute::TARGET_*`
const CLASS: u32 = 1;
const FUNCTION: u32 = 1 << 1;
const METHOD: u32 = 1 << 2;
const REPEATABLE: u32 = 1 << 6;

/// One of the classes.
struct Record {
    class: &'static Class,
    name: &'static str,
    params: &'static [Typed],
    /// Checks what types cannot say; `None` = an exception is pending.
    check: fn(&Given<'_>) -> Option<()>,
    /// Of an attribute.
    targets: Option<u32>,
}

/// A number of seconds, a list of them, or a `Backoff`.
pub(super) const BACKOFF_PARAM: Typed =
    Typed::nullable("backoff", ty::INT | ty::FLOAT | ty::ARRAY).or(&BACKOFF_NAME);

static RECORDS: [Record; 6] = [
    Record {
        class: &BACKOFF,
        name: "AppServer\\Backoff",
        params: &[
            Typed::required("base", ty::FLOAT).default(Default::Float(1.0)),
            Typed::required("max", ty::FLOAT).default(Default::Float(3600.0)),
            Typed::required("jitter", ty::FLOAT).default(Default::Float(0.5)),
        ],
        check: |given| {
            terms::seconds(given, "base")?;
            terms::seconds(given, "max")?;
            if given.float("jitter").is_some_and(|jitter| !(0.0..=1.0).contains(&jitter)) {
                given.refuse("jitter", "must be from 0 (none) to 1");
                return None;
            }
            Some(())
        },
        targets: None,
    },
    Record {
        class: &UNIQUE,
        name: "AppServer\\Unique",
        params: &[
            Typed::required("key", ty::STRING),
            Typed::required("mode", 0)
                .or(&UNIQUE_MODE_NAME)
                .default(Default::Case(&UNIQUE_MODE_NAME, "Reject")),
            Typed::required("window", ty::FLOAT).default(Default::Float(0.0)),
        ],
        check: terms::check_unique,
        targets: None,
    },
    Record {
        class: &LIMIT,
        name: "AppServer\\Limit",
        params: &[
            Typed::required("key", ty::STRING),
            Typed::nullable("concurrency", ty::INT),
            Typed::nullable("rate", ty::STRING),
        ],
        check: |given| {
            terms::check_key(given)?;
            terms::concurrency(given)?;
            terms::rate(given)?;
            if given.get("concurrency").is_none() && given.get("rate").is_none() {
                given.refuse("concurrency", "must be given where no rate is");
                return None;
            }
            Some(())
        },
        targets: None,
    },
    Record {
        class: &ENCODED,
        name: "AppServer\\Encoded",
        params: &[Typed::required("bytes", ty::STRING)],
        check: |_| Some(()),
        targets: None,
    },
    Record {
        class: &QUEUED,
        name: "AppServer\\Queued",
        params: &[
            Typed::nullable("queue", ty::STRING),
            Typed::nullable("priority", ty::INT),
            Typed::nullable("attempts", ty::INT),
            Typed::nullable("crashAttempts", ty::INT),
            BACKOFF_PARAM,
            Typed::nullable("timeout", ty::FLOAT),
            Typed::nullable("expires", ty::FLOAT),
            Typed::nullable("keep", ty::FLOAT),
            Typed::nullable("concurrency", ty::INT),
            Typed::nullable("rate", ty::STRING),
        ],
        check: |given| terms::check(given, &terms::common(given)?),
        targets: Some(CLASS | FUNCTION | METHOD),
    },
    Record {
        class: &SCHEDULE,
        name: "AppServer\\Schedule",
        params: &[
            Typed::required("cron", ty::STRING),
            Typed::nullable("timezone", ty::STRING),
            Typed::required("missed", ty::STRING).default(Default::Text("once")),
        ],
        check: |given| {
            given.text("cron")?;
            given.text("timezone")?;
            let missed = given.text("missed")?.unwrap_or("once");
            if !matches!(missed, "once" | "skip" | "all") {
                given.refuse("missed", "must be \"once\", \"skip\" or \"all\"");
                return None;
            }
            Some(())
        },
        targets: Some(FUNCTION | METHOD | REPEATABLE),
    },
];

/// Registers the classes; their enums are registered already.
pub(super) fn register() -> Result<()> {
    for record in &RECORDS {
        let constructor = FunctionBuilder::constructor(construct);
        let required = record.params.iter().filter(|param| param.default.is_none()).count();
        let constructor = record.params.iter().fold(constructor, |f, param| f.arg(param.arg()));
        let builder = ClassBuilder::new(record.name).flags(ClassFlags::Final).method(
            constructor.required_args(required),
            MethodFlags::Public | MethodFlags::IsConstructor,
        );
        record.class.register(builder)?;
        for (index, param) in record.params.iter().enumerate() {
            record.class.widen("__construct", index, param.mask);
            param.declare(record.class);
        }
        if let Some(targets) = record.targets {
            record.class.attribute(targets);
        }
    }
    Ok(())
}

/// The constructor of all: the classes are final, so the object's own tells which it is.
extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(record) = record_of(frame) else {
            return End::Done;
        };
        // The arguments are the frame's, the object is not among them.
        let Some(mut object) = args::this_object(frame) else {
            return End::Done;
        };
        if let Some(given) = typed::read(frame, 0, record.params)
            && (record.check)(&given).is_some()
            && let Some(object) = object.object_mut()
        {
            given.assign(object, record.class);
        }
        End::Done
    });
}

fn record_of(frame: &ExecuteData) -> Option<&'static Record> {
    let class = frame.This.object()?.get_class_entry();
    RECORDS.iter().find(|record| std::ptr::eq(record.class.entry(), class))
}
