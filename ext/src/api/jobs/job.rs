//! `AppServer\Job`, what a job can know of itself, and how it says how far it has come.

use super::status;
use crate::api::client::{CLIENT_NAME, options_of};
use crate::api::throw::{int, text};
use crate::client::Options;
use crate::deployed;
use crate::php::args::{self, Param};
use crate::php::typed::{self, Named, Typed};
use crate::php::{Class, End, guard, ty};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::JobId;
use std::rc::Rc;

static JOB: Class = Class::unregistered();
static CURRENT: Class = Class::unregistered();

pub(super) static JOB_NAME: Named = Named { name: "AppServer\\Job", entry: || JOB.entry() };

/// `(string $id, ?Client $client = null)`
pub(super) static FIND: [Typed; 2] =
    [Typed::required("id", ty::STRING), Typed::nullable("client", 0).or(&CLIENT_NAME)];

/// Reads `(string $id, ?Client $client = null)`; `None` = an exception is pending.
pub(super) fn id_and_options(frame: &ExecuteData) -> Option<(&str, Rc<Options>)> {
    let given = typed::read(frame, 0, &FIND)?;
    let id = given.get("id").and_then(Zval::str).unwrap_or_default();
    Some((id, options_of(given.get("client"))?))
}

/// What PHP is told about `AppServer\progress()`.
pub(crate) fn progress_builder() -> FunctionBuilder<'static> {
    FunctionBuilder::new("AppServer\\progress", progress)
        .arg(Arg::new("done", DataType::Long))
        .not_required()
        .arg(Arg::new("total", DataType::Long).default("0"))
        .arg(Arg::new("message", DataType::String).default("''"))
        .returns(DataType::Void, false, false)
}

/// Registers the classes.
pub(super) fn register() -> Result<()> {
    let public = MethodFlags::Public | MethodFlags::Static | MethodFlags::Final;
    let find = FunctionBuilder::new("find", find).arg(FIND[0].arg()).not_required();
    let find = find.arg(FIND[1].arg());
    let current = FunctionBuilder::new("current", current);
    let builder = ClassBuilder::new("AppServer\\Job")
        .flags(ClassFlags::Abstract)
        .method(FunctionBuilder::new_abstract("run"), MethodFlags::Public | MethodFlags::Abstract)
        .method(find.returns(DataType::object("AppServer\\JobStatus"), false, true), public)
        .method(current.returns(DataType::object("AppServer\\CurrentJob"), false, true), public);
    JOB.register(builder)?;

    register_made(&CURRENT, "AppServer\\CurrentJob", [])?;
    CURRENT.readonly_property("id", ty::STRING);
    CURRENT.readonly_property("attempt", ty::INT);
    CURRENT.readonly_property("failures", ty::INT);
    CURRENT.readonly_property("crashes", ty::INT);
    CURRENT.readonly_property("idempotencyKey", ty::STRING | ty::NULL);
    CURRENT.readonly_property("batch", ty::STRING | ty::NULL);
    Ok(())
}

/// Registers a class whose objects only this extension makes.
pub(super) fn register_made(
    class: &'static Class,
    name: &'static str,
    methods: impl IntoIterator<Item = FunctionBuilder<'static>>,
) -> Result<()> {
    let builder = ClassBuilder::new(name).flags(ClassFlags::Final).method(
        FunctionBuilder::constructor(construct),
        MethodFlags::Private | MethodFlags::IsConstructor,
    );
    let public = MethodFlags::Public;
    class.register(methods.into_iter().fold(builder, |b, method| b.method(method, public)))
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        args::none(frame);
        End::Done
    });
}

extern "C" fn find(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| status::find(frame, result));
}

extern "C" fn current(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some()
            && let Some(job) = deployed::job::current()
        {
            let id = |id: JobId| text(id.to_string());
            *result = typed::object(
                &CURRENT,
                [
                    ("id", id(job.id)),
                    ("attempt", int(job.attempt.into())),
                    ("failures", int(job.failures.into())),
                    ("crashes", int(job.crashes.into())),
                    ("idempotencyKey", job.idempotency_key.as_ref().map_or_else(Zval::null, text)),
                    ("batch", job.batch.map_or_else(Zval::null, id)),
                ],
            );
        }
        End::Done
    });
}

extern "C" fn progress(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let (mut done, mut total, mut message) = (0, 0, std::ptr::null());
        let mut params = [Param::Int(&mut done), Param::Int(&mut total), Param::Text(&mut message)];
        if args::parse(frame, c"l|lS", &mut params).is_none() {
            return End::Done;
        }
        let Ok(message) = args::utf8(frame, 3, message) else {
            return End::Done;
        };
        match (u64::try_from(done), u64::try_from(total)) {
            (Ok(done), Ok(total)) => {
                deployed::job::report(done, total, message.unwrap_or_default());
            }
            (Err(_), _) => args::value_error(1, c"must be 0 or more"),
            (_, Err(_)) => args::value_error(2, c"must be 0 (not known) or more"),
        }
        End::Done
    });
}
