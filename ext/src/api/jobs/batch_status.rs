//! `AppServer\BatchStatus`: how the jobs of a batch stood when it was asked for.

use super::awaiting::{self, Status as _};
use super::job::register_made;
use super::status;
use crate::api::throw::{int, seconds, text};
use crate::client::Options;
use crate::php::args;
use crate::php::{Carried, Class, End, Handle, Handlers, guard, properties, ty};
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{BatchReport, JobId};
use std::iter;
use std::rc::Rc;

const NAME: &str = "AppServer\\BatchStatus";
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
    let is_over = FunctionBuilder::new("isOver", is_over).returns(DataType::Bool, false, false);
    let methods = awaiting::methods::<Status>(NAME, DataType::object(NAME));
    register_made(&CLASS, NAME, iter::once(is_over).chain(methods))?;
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
    awaiting::find::<Status>(frame, result)
}

impl awaiting::Status for Status {
    type Report = BatchReport;

    const NOT_FOUND: &'static str = "this BatchStatus was not made by AppServer\\Batch::find()";

    fn subject(&self) -> Option<(Rc<Options>, JobId)> {
        self.0.clone()
    }

    fn create(options: Rc<Options>, report: BatchReport, result: &mut Zval) {
        create(options, &report, result);
    }

    fn deliver(options: Rc<Options>, report: BatchReport, result: &mut Zval) -> End {
        create(options, &report, result);
        End::Done
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

extern "C" fn is_over(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_none() || awaiting::of_this(frame, Status::subject).is_none() {
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
