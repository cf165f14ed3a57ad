//! `AppServer\BatchStatus`: how the jobs of a batch stood when it was asked for.

use super::ask::{ask, misunderstood};
use super::job::construct;
use super::status::{self, gone, id_and_options, in_ms, next_wait, not_over, seconds, with_answer};
use crate::api::future;
use crate::api::throw::{self, int, text};
use crate::client::Options;
use crate::php::args;
use crate::php::{Carried, Class, End, Handle, Handlers, guard, properties, ty};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{BatchReport, Cancellation, JobId, JobReply, JobRequest};
use std::rc::Rc;
use std::time::Instant;

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

/// What a `BatchStatus` carries; `None` = made by nobody, the constructor is private.
#[derive(Debug, Default)]
struct Status(Option<(Rc<Options>, JobId)>);

impl Carried for Status {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }
}

/// Registers the class.
pub(super) fn register() -> Registered<()> {
    let status = || DataType::object("AppServer\\BatchStatus");
    let timeout = Arg::new("timeout", DataType::Double).allow_null().default("null");
    let methods = [
        FunctionBuilder::new("isOver", is_over).returns(DataType::Bool, false, false),
        FunctionBuilder::new("await", await_it).not_required().arg(timeout).returns(
            status(),
            false,
            false,
        ),
        FunctionBuilder::new("cancel", cancel).returns(DataType::Bool, false, false),
        FunctionBuilder::new("refresh", refresh).returns(status(), false, false),
    ];
    let builder = ClassBuilder::new("AppServer\\BatchStatus").flags(ClassFlags::Final).method(
        FunctionBuilder::constructor(construct),
        MethodFlags::Private | MethodFlags::IsConstructor,
    );
    let public = MethodFlags::Public;
    CLASS.register(methods.into_iter().fold(builder, |b, method| b.method(method, public)))?;
    for (name, mask) in [
        ("id", ty::STRING),
        ("name", ty::STRING),
        ("madeAt", ty::FLOAT),
        ("total", ty::INT),
        ("done", ty::INT),
        ("failed", ty::INT),
        ("cancelled", ty::INT),
        ("then", ty::STRING | ty::NULL),
        ("catch", ty::STRING | ty::NULL),
        ("finally", ty::STRING | ty::NULL),
    ] {
        CLASS.readonly_property(name, mask);
    }
    Status::install();
    Ok(())
}

/// `Batch::find()`.
pub(super) fn find(frame: &ExecuteData, result: &mut Zval) -> End {
    let Some((id, options)) = id_and_options(frame) else {
        return End::Done;
    };
    let Ok(id) = id.parse::<JobId>() else {
        // No batch has such an id.
        return End::Done;
    };
    match look_up(&options, id) {
        Ok(Some(report)) => create(options, &report, result),
        Ok(None) => {}
        Err(end) => return end,
    }
    End::Done
}

fn look_up(options: &Rc<Options>, id: JobId) -> Result<Option<BatchReport>, End> {
    match ask(options, &JobRequest::Batch { id }, options.timeout)? {
        JobReply::Batch(report) => Ok(report),
        _ => Err(misunderstood()),
    }
}

fn create(options: Rc<Options>, report: &BatchReport, result: &mut Zval) {
    Handle::create(Status(Some((options, report.id))), result);
    for (name, value) in [
        ("id", text(report.id.to_string())),
        ("name", text(&report.name)),
        ("madeAt", seconds(report.made_ms)),
        ("total", int(report.total.into())),
        ("done", int(report.done.into())),
        ("failed", int(report.failed.into())),
        ("cancelled", int(report.cancelled.into())),
        ("then", status::id(report.followed.then)),
        ("catch", status::id(report.followed.catch)),
        ("finally", status::id(report.followed.finally)),
    ] {
        if let Some(object) = result.object_mut() {
            properties::set(object, CLASS.entry(), name, value);
        }
    }
}

/// Whom the batch that a method was called on was got from.
fn found(frame: &ExecuteData) -> Option<(Rc<Options>, JobId)> {
    let status = Handle::<Status>::of_value(&frame.This)?;
    let found = status.with(|status| status.0.clone());
    if found.is_none() {
        throw::misuse("this BatchStatus was not made by AppServer\\Batch::find()");
    }
    found
}

extern "C" fn is_over(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_none() || found(frame).is_none() {
            return End::Done;
        }
        if let Some(this) = args::this(frame) {
            let mut count = |name| properties::get(this, CLASS.entry(), name).long().unwrap_or(0);
            let over = count("done") + count("failed") + count("cancelled");
            result.set_bool(over >= count("total"));
        }
        End::Done
    });
}

extern "C" fn refresh(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some(()), Some((options, id))) = (args::none(frame), found(frame)) else {
            return End::Done;
        };
        match look_up(&options, id) {
            Ok(Some(report)) => create(options, &report, result),
            Ok(None) => throw::raise(gone(id)),
            Err(end) => return end,
        }
        End::Done
    });
}

extern "C" fn cancel(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some(()), Some((options, id))) = (args::none(frame), found(frame)) else {
            return End::Done;
        };
        match ask(&options, &JobRequest::CancelBatch { id }, options.timeout) {
            Ok(JobReply::Cancelled(became)) => result.set_bool(became == Cancellation::Done),
            Ok(_) => return misunderstood(),
            Err(end) => return end,
        }
        End::Done
    });
}

extern "C" fn await_it(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let Some(until) = future::timeout(frame, c"|d!", None) else {
            return End::Done;
        };
        let Some((options, id)) = found(frame) else {
            return End::Done;
        };
        match until_over(&options, id, until) {
            Ok(report) => create(options, &report, result),
            Err(end) => return end,
        }
        End::Done
    });
}

fn until_over(
    options: &Rc<Options>,
    id: JobId,
    until: Option<Instant>,
) -> Result<BatchReport, End> {
    loop {
        let wait = next_wait(until);
        let request = JobRequest::AwaitBatch { id, wait_ms: in_ms(wait) };
        let report = match ask(options, &request, Some(with_answer(wait)))? {
            JobReply::Batch(Some(report)) => report,
            JobReply::Batch(None) => {
                throw::raise(gone(id));
                return Err(End::Done);
            }
            _ => return Err(misunderstood()),
        };
        if report.is_over() {
            return Ok(report);
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            let over = report.done + report.failed + report.cancelled;
            let total = report.total;
            throw::raise(not_over(&format!("{over} of the {total} jobs of batch {id} are over")));
            return Err(End::Done);
        }
    }
}
