//! How a job or a batch stands, asked for again until it is over: what a `JobStatus` and a `BatchStatus`
//! have in common.

use super::ask::{ask, misunderstood};
use super::job::id_and_options;
use crate::api::future;
use crate::api::throw;
use crate::client::{CallError, Options};
use crate::php::args;
use crate::php::{Carried, End, Handle, guard};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{BatchReport, Cancellation, JobId, JobReply, JobReport, JobRequest};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Longest that one question waits for the end: a worker that vanished without a word is found out by
/// then.
const AWAIT_MAX: Duration = Duration::from_secs(60);
/// What its answer may take beyond that.
const ANSWER: Duration = Duration::from_secs(10);

/// What a ledger tells.
pub(super) trait Report: Sized {
    fn find(id: JobId) -> JobRequest;
    fn wait(id: JobId, wait_ms: u64) -> JobRequest;
    fn cancel(id: JobId) -> JobRequest;
    /// From an answer; `None` = it is one to another question.
    fn of(reply: JobReply) -> Option<Option<Self>>;
    fn is_over(&self) -> bool;
    /// In words, for whoever has no more time.
    fn standing(&self) -> String;
}

impl Report for JobReport {
    fn find(id: JobId) -> JobRequest {
        JobRequest::Find { id }
    }

    fn wait(id: JobId, wait_ms: u64) -> JobRequest {
        JobRequest::Await { id, wait_ms }
    }

    fn cancel(id: JobId) -> JobRequest {
        JobRequest::Cancel { id }
    }

    fn of(reply: JobReply) -> Option<Option<Self>> {
        match reply {
            JobReply::Job(report) => Some(report.map(|report| *report)),
            _ => None,
        }
    }

    fn is_over(&self) -> bool {
        self.state.is_over()
    }

    fn standing(&self) -> String {
        format!("job {} is {}", self.id, self.state.as_str())
    }
}

impl Report for BatchReport {
    fn find(id: JobId) -> JobRequest {
        JobRequest::Batch { id }
    }

    fn wait(id: JobId, wait_ms: u64) -> JobRequest {
        JobRequest::AwaitBatch { id, wait_ms }
    }

    fn cancel(id: JobId) -> JobRequest {
        JobRequest::CancelBatch { id }
    }

    fn of(reply: JobReply) -> Option<Option<Self>> {
        match reply {
            JobReply::Batch(report) => Some(report),
            _ => None,
        }
    }

    fn is_over(&self) -> bool {
        BatchReport::is_over(self)
    }

    fn standing(&self) -> String {
        let over = self.done + self.failed + self.cancelled;
        format!("{over} of the {} jobs of batch {} are over", self.total, self.id)
    }
}

/// What an object of the class carries.
pub(super) trait Status: Carried {
    type Report: Report;

    /// What is thrown when nobody made it.
    const NOT_FOUND: &'static str;

    /// What it is about, and whom that was got from; `None` = made by nobody.
    fn subject(&self) -> Option<(Rc<Options>, JobId)>;

    /// Makes an object of the class.
    fn create(options: Rc<Options>, report: Self::Report, result: &mut Zval);

    /// What `await()` returns of one that is over. May run user code.
    fn deliver(options: Rc<Options>, report: Self::Report, result: &mut Zval) -> End;
}

/// The methods of both; `awaited` is what `await()` returns.
pub(super) fn methods<S: Status>(
    class: &'static str,
    awaited: DataType,
) -> [FunctionBuilder<'static>; 3] {
    let timeout = Arg::new("timeout", DataType::Double).allow_null().default("null");
    let await_it = FunctionBuilder::new("await", await_it::<S>).not_required().arg(timeout);
    [
        await_it.returns(awaited, false, false),
        FunctionBuilder::new("cancel", cancel::<S>).returns(DataType::Bool, false, false),
        FunctionBuilder::new("refresh", refresh::<S>).returns(
            DataType::object(class),
            false,
            false,
        ),
    ]
}

/// `Job::find()` and `Batch::find()`.
pub(super) fn find<S: Status>(frame: &ExecuteData, result: &mut Zval) -> End {
    let Some((id, options)) = id_and_options(frame) else {
        return End::Done;
    };
    let Ok(id) = id.parse::<JobId>() else {
        // Nothing has such an id.
        return End::Done;
    };
    match look_up(&options, id) {
        Ok(Some(report)) => S::create(options, report, result),
        Ok(None) => {}
        Err(end) => return end,
    }
    End::Done
}

/// A part of what the object that a method was called on carries; throws when nobody made it.
pub(super) fn of_this<S: Status, R>(
    frame: &ExecuteData,
    part: impl FnOnce(&S) -> Option<R>,
) -> Option<R> {
    let status = Handle::<S>::of_value(&frame.This)?;
    let part = status.with(|status| part(status));
    if part.is_none() {
        throw::misuse(S::NOT_FOUND);
    }
    part
}

extern "C" fn refresh<S: Status>(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some(()), Some((options, id))) = (args::none(frame), of_this(frame, S::subject))
        else {
            return End::Done;
        };
        match look_up(&options, id) {
            Ok(Some(report)) => S::create(options, report, result),
            Ok(None) => throw::raise(CallError::gone(id)),
            Err(end) => return end,
        }
        End::Done
    });
}

extern "C" fn cancel<S: Status>(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some(()), Some((options, id))) = (args::none(frame), of_this(frame, S::subject))
        else {
            return End::Done;
        };
        match ask(&options, &S::Report::cancel(id), options.timeout) {
            Ok(JobReply::Cancelled(became)) => result.set_bool(became == Cancellation::Done),
            Ok(_) => return misunderstood(),
            Err(end) => return end,
        }
        End::Done
    });
}

extern "C" fn await_it<S: Status>(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let Some(until) = future::timeout(frame, c"|d!", None) else {
            return End::Done;
        };
        let Some((options, id)) = of_this(frame, S::subject) else {
            return End::Done;
        };
        match until_over(&options, id, until) {
            Ok(report) => S::deliver(options, report, result),
            Err(end) => end,
        }
    });
}

fn look_up<R: Report>(options: &Rc<Options>, id: JobId) -> Result<Option<R>, End> {
    let reply = ask(options, &R::find(id), options.timeout)?;
    R::of(reply).ok_or_else(misunderstood)
}

/// Asks as often as it takes; the worker answers at the end.
fn until_over<R: Report>(
    options: &Rc<Options>,
    id: JobId,
    until: Option<Instant>,
) -> Result<R, End> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = left.map_or(AWAIT_MAX, |left| left.min(AWAIT_MAX));
        let wait_ms = u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let reply = ask(options, &R::wait(id, wait_ms), Some(wait + ANSWER))?;
        let Some(report) = R::of(reply).ok_or_else(misunderstood)? else {
            throw::raise(CallError::gone(id));
            return Err(End::Done);
        };
        if report.is_over() {
            return Ok(report);
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            throw::raise(CallError::not_over(&report.standing()));
            return Err(End::Done);
        }
    }
}
