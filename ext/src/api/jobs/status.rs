//! `AppServer\JobStatus`: how a job stood when it was asked for, and its result.

use super::ask::{ask, misunderstood};
use super::enums::{JOB_STATE_NAME, job_state};
use super::job::{FIND, construct};
use crate::api::client::options_of;
use crate::api::throw::{self, int, text};
use crate::api::{codec, future, outcome};
use crate::client::{CallError, ErrorKind, Options};
use crate::php::args;
use crate::php::exception::{self, Held};
use crate::php::typed::{self, Named};
use crate::php::{Carried, Class, End, Handle, Handlers, guard, properties, ty};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::ExecuteData;
use protocol::{
    Attempt, Cancellation, JobId, JobReply, JobReport, JobRequest, JobState, Outcome, Progress,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();
static ATTEMPT: Class = Class::unregistered();
static PROGRESS: Class = Class::unregistered();
static PROGRESS_NAME: Named = Named { name: "AppServer\\Progress", entry: || PROGRESS.entry() };

/// Longest that one question waits for a job's end: a worker that vanished without a word is found
/// out by then.
const AWAIT_MAX: Duration = Duration::from_secs(60);
/// What its answer may take beyond that.
const ANSWER: Duration = Duration::from_secs(10);

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
    for (class, name) in [(&ATTEMPT, "AppServer\\Attempt"), (&PROGRESS, "AppServer\\Progress")] {
        class.register(ClassBuilder::new(name).flags(ClassFlags::Final).method(
            FunctionBuilder::constructor(construct),
            MethodFlags::Private | MethodFlags::IsConstructor,
        ))?;
    }
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
    let timeout = Arg::new("timeout", DataType::Double).allow_null().default("null");
    let methods = [
        FunctionBuilder::new("result", result_of).returns(DataType::Mixed, false, false),
        FunctionBuilder::new("await", await_it).not_required().arg(timeout).returns(
            DataType::Mixed,
            false,
            false,
        ),
        FunctionBuilder::new("cancel", cancel).returns(DataType::Bool, false, false),
        FunctionBuilder::new("refresh", refresh).returns(
            DataType::object("AppServer\\JobStatus"),
            false,
            false,
        ),
    ];
    let builder = ClassBuilder::new("AppServer\\JobStatus").flags(ClassFlags::Final).method(
        FunctionBuilder::constructor(construct),
        MethodFlags::Private | MethodFlags::IsConstructor,
    );
    let public = MethodFlags::Public;
    CLASS.register(methods.into_iter().fold(builder, |b, method| b.method(method, public)))?;
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
    let Some((id, options)) = id_and_options(frame) else {
        return End::Done;
    };
    let Ok(id) = id.parse::<JobId>() else {
        // No job has such an id.
        return End::Done;
    };
    match look_up(&options, id) {
        Ok(Some(report)) => create(options, report, result),
        Ok(None) => {}
        Err(end) => return end,
    }
    End::Done
}

/// Reads `(string $id, ?Client $client = null)`; `None` = an exception is pending.
pub(super) fn id_and_options(frame: &ExecuteData) -> Option<(&str, Rc<Options>)> {
    let given = typed::read(frame, 0, &FIND)?;
    let id = given.get("id").and_then(Zval::str).unwrap_or_default();
    Some((id, options_of(given.get("client"))?))
}

fn look_up(options: &Rc<Options>, id: JobId) -> Result<Option<JobReport>, End> {
    match ask(options, &JobRequest::Find { id }, options.timeout)? {
        JobReply::Job(report) => Ok(report.map(|report| *report)),
        _ => Err(misunderstood()),
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

/// Milliseconds as PHP's seconds: exact for every date that matters.
pub(super) fn seconds(ms: u64) -> Zval {
    let mut value = Zval::new();
    value.set_double(ms as f64 / 1000.0);
    value
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

/// The job of the status that a method was called on.
fn found(frame: &ExecuteData) -> Option<Rc<Found>> {
    let status = Handle::<Status>::of_value(&frame.This)?;
    let found = status.with(|status| status.0.clone());
    if found.is_none() {
        throw::misuse("this JobStatus was not made by AppServer\\Job::find()");
    }
    found
}

extern "C" fn refresh(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_none() {
            return End::Done;
        }
        let Some((options, id)) = found(frame).map(|f| (Rc::clone(&f.options), f.report.id)) else {
            return End::Done;
        };
        match look_up(&options, id) {
            Ok(Some(report)) => create(options, report, result),
            Ok(None) => throw::raise(gone(id)),
            Err(end) => return end,
        }
        End::Done
    });
}

extern "C" fn cancel(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_none() {
            return End::Done;
        }
        let Some((options, id)) = found(frame).map(|f| (Rc::clone(&f.options), f.report.id)) else {
            return End::Done;
        };
        match ask(&options, &JobRequest::Cancel { id }, options.timeout) {
            Ok(JobReply::Cancelled(became)) => result.set_bool(became == Cancellation::Done),
            Ok(_) => return misunderstood(),
            Err(end) => return end,
        }
        End::Done
    });
}

extern "C" fn result_of(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match (args::none(frame), found(frame)) {
        (Some(()), Some(found)) => deliver(found, result),
        _ => End::Done,
    });
}

extern "C" fn await_it(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let Some(until) = future::timeout(frame, c"|d!", None) else {
            return End::Done;
        };
        let Some((options, id)) = found(frame).map(|f| (Rc::clone(&f.options), f.report.id)) else {
            return End::Done;
        };
        match until_over(&options, id, until) {
            Ok(report) => deliver(Rc::new(Found { options, report }), result),
            Err(end) => end,
        }
    });
}

/// Asks as often as it takes; the worker answers when the job is over.
fn until_over(options: &Rc<Options>, id: JobId, until: Option<Instant>) -> Result<JobReport, End> {
    loop {
        let wait = next_wait(until);
        let request = JobRequest::Await { id, wait_ms: in_ms(wait) };
        let report = match ask(options, &request, Some(with_answer(wait)))? {
            JobReply::Job(Some(report)) => *report,
            JobReply::Job(None) => {
                throw::raise(gone(id));
                return Err(End::Done);
            }
            _ => return Err(misunderstood()),
        };
        if report.state.is_over() {
            return Ok(report);
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            throw::raise(not_over(&format!("job {id} is {}", report.state.as_str())));
            return Err(End::Done);
        }
    }
}

/// How long the next question may wait.
pub(super) fn next_wait(until: Option<Instant>) -> Duration {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    left.map_or(AWAIT_MAX, |left| left.min(AWAIT_MAX))
}

/// How long its answer may take.
pub(super) fn with_answer(wait: Duration) -> Duration {
    wait + ANSWER
}

pub(super) fn in_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// The time given to wait is over.
pub(super) fn not_over(what: &str) -> CallError {
    let message = format!("{what}, and the time given to await is over; it goes on");
    CallError::new(ErrorKind::Timeout, message)
}

pub(super) fn gone(id: JobId) -> CallError {
    let message = format!("{id} is no longer known: it was deleted, or kept for its time");
    CallError::new(ErrorKind::UnknownJob, message)
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
            _ => Err(codec::Fault::Call(no_result(report))),
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

fn no_result(report: &JobReport) -> CallError {
    let (id, function) = (report.id, &report.function);
    let error = match report.state {
        JobState::Done => {
            let message = format!("job {id} is done, but its result is not kept (option keep)");
            CallError::new(ErrorKind::Unavailable, message)
        }
        JobState::Dead => {
            let last = report.attempts.last().map(|attempt| attempt.error.as_str());
            let last = last.filter(|error| !error.is_empty()).unwrap_or("no attempt was made");
            let message = format!(
                "job {id}, {function}(), is dead after {} attempts: {last}",
                report.attempt
            );
            CallError::new(ErrorKind::JobFailed { id }, message)
        }
        JobState::Cancelled => {
            CallError::new(ErrorKind::Cancelled, format!("job {id}, {function}(), was cancelled"))
        }
        JobState::Waiting | JobState::Running => {
            let message = format!("job {id} is {}; await() waits for it", report.state.as_str());
            CallError::new(ErrorKind::JobNotDone, message)
        }
    };
    error.of(function)
}
