//! `AppServer\Client`: options of one's own. Immutable: each `with…()` returns a changed copy.

use super::change::Change;
use super::functions::{run, with_call_args, with_map_args};
use super::{future, jobs, map, settings, throw};
use crate::client::Options;
use crate::php::args::{self, Param};
use crate::php::typed::Named;
use crate::php::{Carried, Class, End, Handle, Handlers, guard};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use std::ffi::CStr;
use std::ptr;
use std::rc::Rc;

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

pub(super) static CLIENT_NAME: Named = Named { name: "AppServer\\Client", entry: || CLASS.entry() };

/// What a `Client` carries; `None` before its constructor ran.
#[derive(Debug, Default)]
pub(super) struct Client(Option<Rc<Options>>);

impl Carried for Client {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }
}

/// Registers the class.
pub(super) fn register() -> Result<()> {
    let optional = |name: &'static str, ty| Arg::new(name, ty).allow_null().default("null");
    let constructor = FunctionBuilder::constructor(construct)
        .not_required()
        .arg(optional("workers", DataType::String))
        .arg(optional("app", DataType::String))
        .arg(optional("timeout", DataType::Double))
        .arg(optional("affinity", DataType::String))
        .arg(optional("pin", DataType::String))
        .arg(optional("token", DataType::String))
        .arg(optional("ca", DataType::String))
        .arg(optional("certificate", DataType::String))
        .arg(optional("key", DataType::String));
    let text = |name| Arg::new(name, DataType::String);
    let certificate = FunctionBuilder::new("withCertificate", with_certificate)
        .arg(text("certificate").allow_null())
        .arg(text("key").allow_null())
        .not_required()
        .arg(optional("ca", DataType::String));
    let output = FunctionBuilder::new("withOutput", with_output)
        .not_required()
        .arg(Arg::new("output", DataType::Bool).default("true"));
    let withers = [
        FunctionBuilder::new("withWorkers", with_workers).arg(text("workers")),
        FunctionBuilder::new("withApp", with_app).arg(text("app")),
        FunctionBuilder::new("withTimeout", with_timeout)
            .arg(Arg::new("seconds", DataType::Double)),
        FunctionBuilder::new("withAffinity", with_affinity).arg(text("key").allow_null()),
        FunctionBuilder::new("withPin", with_pin).arg(text("pin")),
        FunctionBuilder::new("withToken", with_token).arg(text("token").allow_null()),
        certificate,
        output,
        FunctionBuilder::new("withFresh", with_fresh)
            .not_required()
            .arg(Arg::new("fresh", DataType::Bool).default("true")),
        FunctionBuilder::new("withMaxAge", with_max_age)
            .arg(Arg::new("seconds", DataType::Double).allow_null()),
        jobs::with_job_args(FunctionBuilder::new("withJob", with_job)),
    ];
    let calls = [
        with_call_args(FunctionBuilder::new("call", call)).returns(DataType::Mixed, false, false),
        with_call_args(FunctionBuilder::new("async", async_call)).returns(
            DataType::object("AppServer\\Future"),
            false,
            false,
        ),
        with_map_args(FunctionBuilder::new("map", map_call)).returns(
            DataType::object("AppServer\\Map"),
            false,
            false,
        ),
        jobs::with_queue_args(FunctionBuilder::new("queue", queue)).returns(
            DataType::String,
            false,
            false,
        ),
    ];
    let mut builder = ClassBuilder::new("AppServer\\Client")
        .flags(ClassFlags::Final)
        .method(constructor, MethodFlags::Public | MethodFlags::IsConstructor);
    for wither in withers {
        let class = DataType::object("AppServer\\Client");
        builder = builder.method(wither.returns(class, false, false), MethodFlags::Public);
    }
    for call in calls {
        builder = builder.method(call, MethodFlags::Public);
    }
    CLASS.register(builder)?;
    CLASS.sensitive("__construct", 5);
    CLASS.sensitive("withToken", 0);
    Client::install();
    Ok(())
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(change) = constructor_change(frame) else {
            return End::Done;
        };
        let made = settings::checked().and_then(|options| change.apply_to(&options));
        match made {
            Ok(options) => {
                if let Some(client) = Handle::<Client>::of_value(&frame.This) {
                    client.with(|client| client.0 = Some(Rc::new(options)));
                }
            }
            Err(error) => throw::raise(error),
        }
        End::Done
    });
}

fn constructor_change(frame: &ExecuteData) -> Option<Change<'_>> {
    let mut texts: [*const ZendStr; 8] = [ptr::null(); 8];
    let (mut seconds, mut no_timeout) = (0.0, 1);
    let [workers, app, affinity, pin, token, ca, certificate, key] = &mut texts;
    let mut params = [
        Param::Text(workers),
        Param::Text(app),
        Param::FloatOrNull(&mut seconds, &mut no_timeout),
        Param::Text(affinity),
        Param::Text(pin),
        Param::Text(token),
        Param::Text(ca),
        Param::Text(certificate),
        Param::Text(key),
    ];
    args::parse(frame, c"|S!S!d!S!S!S!S!S!S!", &mut params)?;
    let [workers, app, affinity, pin, token, ca, certificate, key] = texts;
    let utf8 = |number, text| args::utf8(frame, number, text).ok();
    Some(Change {
        workers: utf8(1, workers)?,
        app: utf8(2, app)?,
        timeout: (no_timeout == 0).then_some(seconds),
        affinity: args::bytes(frame, affinity).map(Some),
        pin: utf8(5, pin)?,
        token: utf8(6, token)?.map(Some),
        ca: utf8(7, ca)?,
        certificate: utf8(8, certificate)?,
        key: utf8(9, key)?,
        ..Change::default()
    })
}

/// The client a method was called on; throws when its constructor did not run.
fn options(frame: &ExecuteData) -> Option<Rc<Options>> {
    let client = Handle::<Client>::of_value(&frame.This)?;
    let options = client.with(|client| client.0.clone());
    if options.is_none() {
        throw::misuse("this Client was not constructed");
    }
    options
}

/// Returns a copy of the client with a change.
fn changed(frame: &ExecuteData, result: &mut Zval, change: &Change<'_>) {
    let Some(options) = options(frame) else {
        return;
    };
    match change.apply_to(&options) {
        Ok(options) => {
            Handle::create(Client(Some(Rc::new(options))), result);
        }
        Err(error) => throw::raise(error),
    }
}

extern "C" fn with_workers(frame: &mut ExecuteData, result: &mut Zval) {
    with_text(frame, result, c"S", |text| Change { workers: text, ..Change::default() });
}

extern "C" fn with_app(frame: &mut ExecuteData, result: &mut Zval) {
    with_text(frame, result, c"S", |text| Change { app: text, ..Change::default() });
}

extern "C" fn with_pin(frame: &mut ExecuteData, result: &mut Zval) {
    with_text(frame, result, c"S", |text| Change { pin: text, ..Change::default() });
}

extern "C" fn with_token(frame: &mut ExecuteData, result: &mut Zval) {
    with_text(frame, result, c"S!", |text| Change { token: Some(text), ..Change::default() });
}

fn with_text(
    frame: &ExecuteData,
    result: &mut Zval,
    spec: &CStr,
    change: for<'a> fn(Option<&'a str>) -> Change<'a>,
) {
    guard(|| {
        let mut text = ptr::null();
        if args::parse(frame, spec, &mut [Param::Text(&mut text)]).is_some()
            && let Ok(text) = args::utf8(frame, 1, text)
        {
            changed(frame, result, &change(text));
        }
        End::Done
    });
}

extern "C" fn with_affinity(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let mut key = ptr::null();
        if args::parse(frame, c"S!", &mut [Param::Text(&mut key)]).is_some() {
            let key = args::bytes(frame, key);
            changed(frame, result, &Change { affinity: Some(key), ..Change::default() });
        }
        End::Done
    });
}

extern "C" fn with_timeout(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let mut seconds = 0.0;
        if args::parse(frame, c"d", &mut [Param::Float(&mut seconds)]).is_some() {
            changed(frame, result, &Change { timeout: Some(seconds), ..Change::default() });
        }
        End::Done
    });
}

extern "C" fn with_output(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let mut output = 1;
        if args::parse(frame, c"|b", &mut [Param::Bool(&mut output)]).is_some() {
            changed(frame, result, &Change { output: Some(output != 0), ..Change::default() });
        }
        End::Done
    });
}

extern "C" fn with_fresh(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let mut fresh = 1;
        if args::parse(frame, c"|b", &mut [Param::Bool(&mut fresh)]).is_some() {
            changed(frame, result, &Change { fresh: Some(fresh != 0), ..Change::default() });
        }
        End::Done
    });
}

extern "C" fn with_max_age(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (mut seconds, mut none) = (0.0, 0);
        let mut params = [Param::FloatOrNull(&mut seconds, &mut none)];
        if args::parse(frame, c"d!", &mut params).is_some() {
            let max_age = Some((none == 0).then_some(seconds));
            changed(frame, result, &Change { max_age, ..Change::default() });
        }
        End::Done
    });
}

extern "C" fn with_certificate(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (mut certificate, mut key, mut ca) = (ptr::null(), ptr::null(), ptr::null());
        let mut params =
            [Param::Text(&mut certificate), Param::Text(&mut key), Param::Text(&mut ca)];
        if args::parse(frame, c"S!S!|S!", &mut params).is_none() {
            return End::Done;
        }
        let texts = (
            args::utf8(frame, 1, certificate),
            args::utf8(frame, 2, key),
            args::utf8(frame, 3, ca),
        );
        if let (Ok(certificate), Ok(key), Ok(ca)) = texts {
            let change = Change {
                certificate: Some(certificate.unwrap_or_default()),
                key: Some(key.unwrap_or_default()),
                ca,
                ..Change::default()
            };
            changed(frame, result, &change);
        }
        End::Done
    });
}

extern "C" fn call(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match (options(frame), args::call_args(frame)) {
        (Some(options), Some(args)) => run(Some(&options), args, result),
        _ => End::Done,
    });
}

extern "C" fn async_call(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match (options(frame), args::call_args(frame)) {
        (Some(options), Some(args)) => future::start(Some(&options), args, result),
        _ => End::Done,
    });
}

extern "C" fn map_call(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match options(frame) {
        Some(options) => map::start(Some(options), frame, result),
        None => End::Done,
    });
}

extern "C" fn with_job(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if let Some(terms) = jobs::with_job(frame)
            && let Some(options) = options(frame)
        {
            let changed = Options { job: Rc::new(terms), ..(*options).clone() };
            Handle::create(Client(Some(Rc::new(changed))), result);
        }
        End::Done
    });
}

extern "C" fn queue(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match options(frame) {
        Some(options) => jobs::queue_with(&options, frame, result),
        None => End::Done,
    });
}

/// Adds types to a method's parameter; see [`Class::widen`].
pub(super) fn widen(method: &str, parameter: usize, mask: u32) {
    CLASS.widen(method, parameter, mask);
}

/// The options of a `Client` that was given, or else of the ini settings. `None` = an exception is
/// pending.
pub(super) fn options_of(client: Option<&Zval>) -> Option<Rc<Options>> {
    match client.and_then(Handle::<Client>::of_value) {
        Some(client) => {
            let options = client.with(|client| client.0.clone());
            if options.is_none() {
                throw::misuse("this Client was not constructed");
            }
            options
        }
        None => settings::checked().map_err(throw::raise).ok(),
    }
}
