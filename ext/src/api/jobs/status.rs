//! `AppServer\JobStatus`: how a job stood when it was asked for, and its result.

use super::awaiting;
use super::enums::{JOB_STATE_NAME, job_state};
use super::job::register_made;
use crate::api::throw::{int, seconds, text};
use crate::api::{codec, outcome};
use crate::client::{CallError, Options};
use crate::php::args;
use crate::php::exception::{self, Held};
use crate::php::typed::{self, Named};
use crate::php::{Carried, Class, End, Handle, Handlers, guard, properties, ty};
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::ExecuteData;
use protocol::{Attempt, JobId, JobReport, JobState, Outcome, Progress};
use std::cell::RefCell;
use std::iter;
use std::rc::Rc;

const NAME: &str = "AppServer\\JobStatus";
static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();
static ATTEMPT: Class = Class::unregistered();
static PROGRESS: Class = Class::unregistered();
static PROGRESS_NAME: Named = Named { name: "AppServer\\Progress", entry: || PROGRESS.entry() };

thread_local! {
    /// Reports whose results are being decoded, which may leave by longjmp.
    static READ: Held<Rc<Found>> = const { RefCell::new(Vec::new()) };
}

/// A PHP request begins: what the last one's bailout left behind is over.
pub(super) fn request_begins() {
    READ.with_borrow_mut(Vec::clear);
}

/// A job and whom it was got from.
#[derive(Debug)]
struct Found {
    options: Rc<Options>,
    report: JobReport,
}

/// What a `JobStatus` carries; `None` = made by nobody, the constructor is private.
#[derive(Debug, Default)]
struct Status(Option<Rc<Found>>);

impl Carried for Status {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }
}

/// Registers the class, and those of its properties.
pub(super) fn register() -> Registered<()> {
    register_made(&ATTEMPT, "AppServer\\Attempt", [])?;
    register_made(&PROGRESS, "AppServer\\Progress", [])?;
    for (name, mask) in [
        ("number", ty::INT),
        ("beganAt", ty::FLOAT),
        ("took", ty::FLOAT),
        ("outcome", ty::STRING),
        ("error", ty::STRING),
    ] {
        ATTEMPT.readonly_property(name, mask);
    }
    for (name, mask) in [("done", ty::INT), ("total", ty::INT), ("message", ty::STRING)] {
        PROGRESS.readonly_property(name, mask);
    }
    let result = FunctionBuilder::new("result", result_of).returns(DataType::Mixed, false, false);
    let methods = awaiting::methods::<Status>(NAME, DataType::Mixed);
    register_made(&CLASS, NAME, iter::once(result).chain(methods))?;
    declare();
    Status::install();
    Ok(())
}

fn declare() {
    let optional = ty::STRING | ty::NULL;
    for (name, mask) in [("id", ty::STRING), ("function", ty::STRING), ("queue", ty::STRING)] {
        CLASS.readonly_property(name, mask);
    }
    CLASS.readonly_object("state", JOB_STATE_NAME.name, 0);
    for (name, mask) in [
        ("priority", ty::INT),
        ("madeAt", ty::FLOAT),
        ("dueAt", ty::FLOAT),
        ("attemptsMax", ty::INT),
        ("failures", ty::INT),
        ("crashes", ty::INT),
        ("attempts", ty::ARRAY),
        ("group", optional),
        ("tags", ty::ARRAY),
        ("idempotencyKey", optional),
        ("batch", optional),
        ("waitsFor", ty::STRING),
        ("next", optional),
    ] {
        CLASS.readonly_property(name, mask);
    }
    CLASS.readonly_object("progress", PROGRESS_NAME.name, ty::NULL);
}

/// `Job::find()`.
pub(super) fn find(frame: &ExecuteData, result: &mut Zval) -> End {
    awaiting::find::<Status>(frame, result)
}

impl awaiting::Status for Status {
    type Report = JobReport;

    const NOT_FOUND: &'static str = "this JobStatus was not made by AppServer\\Job::find()";

    fn subject(&self) -> Option<(Rc<Options>, JobId)> {
        self.0.as_ref().map(|found| (Rc::clone(&found.options), found.report.id))
    }

    fn create(options: Rc<Options>, report: JobReport, result: &mut Zval) {
        create(options, report, result);
    }

    fn deliver(options: Rc<Options>, report: JobReport, result: &mut Zval) -> End {
        deliver(Rc::new(Found { options, report }), result)
    }
}

fn create(options: Rc<Options>, report: JobReport, result: &mut Zval) {
    let found = Rc::new(Found { options, report });
    // The properties are made of what the object keeps: a bailout in between loses nothing.
    let Some(status) = Handle::create(Status(Some(Rc::clone(&found))), result) else {
        return;
    };
    drop(found);
    if let Some(found) = status.with(|status| status.0.clone()) {
        exception::hold(&READ, found, |found| fill(result, &found.report));
    }
}

fn fill(object: &mut Zval, report: &JobReport) {
    let optional = |value: Option<&String>| value.map_or_else(Zval::null, text);
    let progress = report.progress.as_ref().map_or_else(Zval::null, progress);
    for (name, value) in [
        ("id", text(report.id.to_string())),
        ("function", text(&report.function)),
        ("queue", text(&report.queue)),
        ("state", job_state(report.state)),
        ("priority", int(report.priority.into())),
        ("madeAt", seconds(report.made_ms)),
        ("dueAt", seconds(report.due_ms)),
        ("attemptsMax", int(report.attempts_max.into())),
        ("failures", int(report.failures.into())),
        ("crashes", int(report.crashes.into())),
        ("attempts", list(report.attempts.iter().map(attempt))),
        ("group", optional(report.group.as_ref())),
        ("tags", list(report.tags.iter().map(text))),
        ("idempotencyKey", optional(report.idempotency_key.as_ref())),
        ("batch", id(report.batch)),
        ("waitsFor", text(&report.waits_for)),
        ("next", id(report.next)),
        ("progress", progress),
    ] {
        if let Some(object) = object.object_mut() {
            properties::set(object, CLASS.entry(), name, value);
        }
    }
}

/// An id, or null.
pub(super) fn id(id: Option<JobId>) -> Zval {
    id.map_or_else(Zval::null, |id| text(id.to_string()))
}

fn attempt(attempt: &Attempt) -> Zval {
    let outcome = match attempt.outcome {
        Outcome::Returned => "returned",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed-out",
        Outcome::Crashed => "crashed",
        Outcome::Interrupted => "interrupted",
        Outcome::Cancelled => "cancelled",
        Outcome::Expired => "expired",
        Outcome::Released => "released",
    };
    typed::object(
        &ATTEMPT,
        [
            ("number", int(attempt.number.into())),
            ("beganAt", seconds(attempt.began_ms)),
            ("took", seconds(attempt.took_ms)),
            ("outcome", text(outcome)),
            ("error", text(&attempt.error)),
        ],
    )
}

fn progress(progress: &Progress) -> Zval {
    let count = |number: u64| int(i64::try_from(number).unwrap_or(i64::MAX));
    typed::object(
        &PROGRESS,
        [
            ("done", count(progress.done)),
            ("total", count(progress.total)),
            ("message", text(&progress.message)),
        ],
    )
}

/// A fresh array takes another element until memory ends, which is no error but a bailout.
fn list(values: impl Iterator<Item = Zval>) -> Zval {
    let mut table = ZendHashTable::new();
    for value in values {
        let _ = table.push(value);
    }
    let mut array = Zval::new();
    array.set_hashtable(table);
    array
}

extern "C" fn result_of(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let found = |status: &Status| status.0.clone();
        match (args::none(frame), awaiting::of_this(frame, found)) {
            (Some(()), Some(found)) => deliver(found, result),
            _ => End::Done,
        }
    });
}

/// Returns what the job returned, or throws why there is nothing. Runs user code (autoload,
/// `__unserialize`).
fn deliver(found: Rc<Found>, result: &mut Zval) -> End {
    exception::hold(&READ, found, |found| {
        let report = &found.report;
        let decoded = match (report.state, &report.result) {
            (JobState::Done, Some(encoded)) => {
                codec::decode_result(encoded, &found.options, &report.function)
            }
            _ => Err(codec::Fault::Call(CallError::no_result(report))),
        };
        match decoded {
            Ok(value) => {
                *result = value;
                End::Done
            }
            Err(fault) => outcome::surface(fault),
        }
    })
}
