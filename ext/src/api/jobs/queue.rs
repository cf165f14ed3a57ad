//! `appserver_queue()`, `AppServer\queue()` and `Client::queue()`: a job is stored.

use super::arguments::{
    JOB_MASK, JobArgs, LEADING, job_args, leading, spread_and, with_leading, with_queue_args,
};
use super::ask::{await_reply, misunderstood};
use super::{encoded, terms};
use crate::api::codec::{self, Fault};
use crate::api::{outcome, settings, throw};
use crate::client::{self, Call, CallError, CallId, JobTerms, Options};
use crate::php::typed;
use crate::php::{End, guard, widen};
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{JobReply, JobRequest, NewJob, split_target};
use std::rc::Rc;

/// What PHP is told about the functions.
pub(crate) fn builders() -> [FunctionBuilder<'static>; 2] {
    let text = |builder: FunctionBuilder<'static>| builder.returns(DataType::String, false, false);
    let simple = with_queue_args(FunctionBuilder::new("appserver_queue", queue));
    let full = with_leading(FunctionBuilder::new("AppServer\\queue", queue_named));
    let full = terms::PARAMS.iter().fold(full, |builder, param| builder.arg(param.arg()));
    [text(simple), text(full)]
}

/// The parameters of `Client::withJob()`.
pub(crate) fn with_job_args(builder: FunctionBuilder<'static>) -> FunctionBuilder<'static> {
    let builder = builder.not_required();
    terms::PARAMS.iter().fold(builder, |builder, param| builder.arg(param.arg()))
}

/// The builder knows no unions.
pub(super) fn complete() {
    widen("appserver_queue", 0, JOB_MASK);
    for (index, param) in LEADING.iter().chain(&terms::PARAMS).enumerate() {
        widen("appserver\\queue", index, param.mask);
    }
    for (index, param) in LEADING.iter().enumerate() {
        widen("appserver\\encode", index, param.mask);
    }
    for (index, param) in terms::PARAMS.iter().enumerate() {
        crate::api::client::widen("withjob", index, param.mask);
    }
    crate::api::client::widen("queue", 0, JOB_MASK);
}

/// Reads the parameters of `Client::withJob()`; `None` = an exception is pending.
pub(crate) fn with_job(frame: &ExecuteData) -> Option<JobTerms> {
    terms::read(&typed::read(frame, 0, &terms::PARAMS)?)
}

extern "C" fn queue(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| match (settings::checked(), job_args(frame)) {
        (Ok(options), Some(args)) => store(&options, &args, result),
        (Err(error), Some(_)) => {
            throw::raise(error);
            End::Done
        }
        (_, None) => End::Done,
    });
}

/// `Client::queue()`.
pub(crate) fn queue_with(options: &Rc<Options>, frame: &ExecuteData, result: &mut Zval) -> End {
    match job_args(frame) {
        Some(args) => store(options, &args, result),
        None => End::Done,
    }
}

extern "C" fn queue_named(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let Some(given) = typed::read(frame, 2, &terms::PARAMS) else {
            return End::Done;
        };
        let Some((job, arguments)) = leading(frame, u32::MAX) else {
            return End::Done;
        };
        let Some(terms) = terms::read(&given) else {
            return End::Done;
        };
        match options() {
            Ok(options) => {
                let options = Rc::new(Options { job: Rc::new(terms), ..(*options).clone() });
                spread_and(&options, job, arguments, result, store)
            }
            Err(end) => end,
        }
    });
}

/// Those of the settings; on an `Err` an exception is pending.
pub(super) fn options() -> Result<Rc<Options>, End> {
    settings::checked().map_err(|error| {
        throw::raise(error);
        End::Done
    })
}

/// Stores one job; `result` is its id.
fn store(options: &Rc<Options>, args: &JobArgs<'_>, result: &mut Zval) -> End {
    let id = match begin(options, args) {
        Ok(id) => id,
        Err(end) => return end,
    };
    if !send(id) {
        return outcome::released();
    }
    match await_reply(id) {
        Ok(JobReply::Accepted { jobs, .. }) if jobs.len() == 1 => {
            *result = throw::text(jobs[0].id.to_string());
            End::Done
        }
        Ok(_) => misunderstood(),
        Err(end) => end,
    }
}

/// Apart from its caller: the request is gone before anything is waited for.
fn send(id: CallId) -> bool {
    let Some(job) = take_job(id) else {
        return false;
    };
    client::send_errand(id, &JobRequest::Enqueue { jobs: vec![job], batch: None });
    true
}

/// The job for a batch or a chain.
pub(super) fn encode(options: &Rc<Options>, args: &JobArgs<'_>) -> Result<NewJob, End> {
    if args.job.str().and_then(|name| split_target(name).ok()?.0).is_some() {
        throw::raise(CallError::config(
            "the jobs of a batch or chain are of one application: give it a Client with that app",
        ));
        return Err(End::Done);
    }
    let id = begin(options, args)?;
    let job = take_job(id);
    client::release(id);
    job.ok_or_else(outcome::released)
}

/// A call with the encoded arguments in its frame. On an `Err` the call is released, and the exception
/// pending or the bailout due.
pub(super) fn begin(options: &Rc<Options>, args: &JobArgs<'_>) -> Result<CallId, End> {
    let id = client::begin();
    if let Err(error) = prepare(id, options, args.job) {
        client::release(id);
        throw::raise(error);
        return Err(End::Done);
    }
    let encoded = args.encoded();
    let append = |call: &mut Call| match encoded {
        Some(encoded) => encoded::append(call, encoded).map_err(Fault::Call),
        None => codec::encode(call, args.positional, args.named),
    };
    match client::lend(id, append) {
        Some(Ok(())) => Ok(id),
        Some(Err(fault)) => {
            client::release(id);
            Err(outcome::surface(fault))
        }
        None => Err(outcome::released()),
    }
}

/// Apart from its caller: the name is gone before user code runs.
fn prepare(id: CallId, options: &Rc<Options>, job: &Zval) -> Result<(), CallError> {
    let target = match job.object() {
        Some(object) => match object.get_class_entry().name() {
            Some(class) if !class.contains('\0') => format!("{class}::run"),
            _ => {
                return Err(CallError::config(
                    "an object of an anonymous class cannot be queued: no worker could find the class",
                ));
            }
        },
        None => match job.zend_str().map(|name| std::str::from_utf8(name.as_bytes())) {
            Some(Ok(name)) => name.to_owned(),
            _ => return Err(CallError::config("the name of the function to queue is not UTF-8")),
        },
    };
    client::prepare_job(id, options, &target)
}

fn take_job(id: CallId) -> Option<NewJob> {
    client::lend(id, |call| {
        let terms = call.options().map(|options| Rc::clone(&options.job)).unwrap_or_default();
        NewJob {
            function: call.function.clone(),
            arguments: std::mem::take(&mut call.frame),
            options: terms.options.clone(),
            then: Vec::new(),
            batch: terms.batch,
        }
    })
}
