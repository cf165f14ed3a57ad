//! `AppServer\Batch`: jobs that are stored together, and what follows when they are over.

use super::ask::{await_reply, misunderstood};
use super::job::FIND;
use super::queue::{encode, job_args, with_queue_args};
use super::{JOB_MASK, batch_status};
use crate::api::client::{CLIENT_NAME, options_of};
use crate::api::throw;
use crate::client::{self, CallError, Options};
use crate::php::args;
use crate::php::typed::{self, Typed};
use crate::php::{Carried, Class, End, Handle, Handler, Handlers, guard, ty};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{JobReply, JobRequest, NewBatch, NewJob};
use std::rc::Rc;

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

static CONSTRUCT: [Typed; 2] = [
    Typed::required("name", ty::STRING).default(typed::Default::Text("")),
    Typed::nullable("client", 0).or(&CLIENT_NAME),
];

/// What a `Batch` carries.
#[derive(Debug, Default)]
struct Batch {
    /// `None` before its constructor ran.
    options: Option<Rc<Options>>,
    jobs: Vec<NewJob>,
    batch: NewBatch,
    /// Of the arguments so far.
    bytes: usize,
}

impl Carried for Batch {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }
}

/// Registers the class.
pub(super) fn register() -> Registered<()> {
    let this = || DataType::object("AppServer\\Batch");
    let constructor = FunctionBuilder::constructor(construct).not_required();
    let constructor = CONSTRUCT.iter().fold(constructor, |f, param| f.arg(param.arg()));
    let job = |name: &'static str, handler: Handler| {
        with_queue_args(FunctionBuilder::new(name, handler)).returns(this(), false, false)
    };
    let find = FunctionBuilder::new("find", find).arg(FIND[0].arg()).not_required();
    let find = find.arg(FIND[1].arg());
    let methods = [
        job("add", add),
        job("then", then),
        job("catch", catch),
        job("finally", finally),
        FunctionBuilder::new("allowFailures", allow_failures).returns(this(), false, false),
        FunctionBuilder::new("queue", queue).returns(DataType::String, false, false),
    ];
    let builder = ClassBuilder::new("AppServer\\Batch")
        .flags(ClassFlags::Final)
        .method(constructor, MethodFlags::Public | MethodFlags::IsConstructor)
        .method(
            find.returns(DataType::object("AppServer\\BatchStatus"), false, true),
            MethodFlags::Public | MethodFlags::Static,
        );
    let public = MethodFlags::Public;
    CLASS.register(methods.into_iter().fold(builder, |b, method| b.method(method, public)))?;
    for method in ["add", "then", "catch", "finally"] {
        CLASS.widen(method, 0, JOB_MASK);
    }
    Batch::install();
    Ok(())
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(given) = typed::read(frame, 0, &CONSTRUCT) else {
            return End::Done;
        };
        let Some(options) = options_of(given.get("client")) else {
            return End::Done;
        };
        let terms = &options.job;
        if terms.options.unique.is_some()
            || terms.options.idempotency_key.is_some()
            || terms.batch.is_some()
        {
            throw::raise(CallError::config(
                "the jobs of a batch cannot share the options unique, idempotencyKey or batch: use a \
                 Client without them",
            ));
            return End::Done;
        }
        let name = given.get("name").and_then(Zval::str).unwrap_or_default().to_owned();
        if let Some(batch) = Handle::<Batch>::of_value(&frame.This) {
            batch.with(|batch| {
                *batch = Batch { options: Some(options), ..Batch::default() };
                batch.batch.name = name;
            });
        }
        End::Done
    });
}

/// The batch that a method was called on, and its options; throws when its constructor did not run.
fn parts(frame: &ExecuteData) -> Option<(Handle<Batch>, Rc<Options>)> {
    let batch = Handle::<Batch>::of_value(&frame.This)?;
    let options = batch.with(|batch| batch.options.clone());
    if options.is_none() {
        throw::misuse("this Batch was not constructed");
    }
    Some((batch, options?))
}

/// Encodes a job, hands it to `keep`, and returns the batch itself.
fn take(frame: &ExecuteData, result: &mut Zval, keep: fn(&mut Batch, NewJob)) {
    guard(|| {
        let (Some((batch, options)), Some(args)) = (parts(frame), job_args(frame)) else {
            return End::Done;
        };
        let job = match encode(&options, &args) {
            Ok(job) => job,
            Err(end) => return end,
        };
        if let Err(error) = batch.with(|batch| batch.reserve(&job, &options)) {
            throw::raise(error);
            return End::Done;
        }
        batch.with(|batch| keep(batch, job));
        *result = frame.This.shallow_clone();
        End::Done
    });
}

impl Batch {
    /// All of it travels in one frame.
    fn reserve(&mut self, job: &NewJob, options: &Options) -> Result<(), CallError> {
        let bytes = self.bytes + job.arguments.len() + job.function.len();
        if u32::try_from(bytes).is_ok_and(|bytes| bytes <= options.frame_bytes_max) {
            self.bytes = bytes;
            return Ok(());
        }
        Err(CallError::too_large(&job.function, bytes, options.frame_bytes_max))
    }
}

extern "C" fn add(frame: &mut ExecuteData, result: &mut Zval) {
    take(frame, result, |batch, job| batch.jobs.push(job));
}

extern "C" fn then(frame: &mut ExecuteData, result: &mut Zval) {
    take(frame, result, |batch, job| batch.batch.then = Some(job));
}

extern "C" fn catch(frame: &mut ExecuteData, result: &mut Zval) {
    take(frame, result, |batch, job| batch.batch.catch = Some(job));
}

extern "C" fn finally(frame: &mut ExecuteData, result: &mut Zval) {
    take(frame, result, |batch, job| batch.batch.finally = Some(job));
}

extern "C" fn allow_failures(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some()
            && let Some((batch, _)) = parts(frame)
        {
            batch.with(|batch| batch.batch.allow_failures = true);
            *result = frame.This.shallow_clone();
        }
        End::Done
    });
}

extern "C" fn find(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| batch_status::find(frame, result));
}

extern "C" fn queue(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some(()), Some((batch, options))) = (args::none(frame), parts(frame)) else {
            return End::Done;
        };
        if batch.with(|batch| batch.jobs.is_empty()) {
            throw::misuse("a batch without jobs cannot be queued: add() some");
            return End::Done;
        }
        let id = client::begin();
        if let Err(error) = client::prepare_storing(id, &options) {
            client::release(id);
            throw::raise(error);
            return End::Done;
        }
        send(id, batch);
        match await_reply(id) {
            Ok(JobReply::Accepted { batch: Some(id), .. }) => {
                *result = throw::text(id.to_string());
                End::Done
            }
            Ok(_) => misunderstood(),
            Err(end) => end,
        }
    });
}

/// Apart from its caller: the request is gone before anything is waited for.
fn send(id: client::CallId, batch: Handle<Batch>) {
    // It may be queued again, as another batch.
    let (jobs, new_batch) = batch.with(|batch| (batch.jobs.clone(), batch.batch.clone()));
    let request = JobRequest::Enqueue { jobs, batch: Some(Box::new(new_batch)) };
    client::send_errand(id, &request);
}
