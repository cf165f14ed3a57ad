//! `AppServer\Batch`: jobs that are stored together, and what follows when they are over.

use super::arguments::{JOB_MASK, with_queue_args};
use super::batch_status;
use super::collected::{self, Collected, Collection, parts};
use super::job::FIND;
use crate::api::client::{CLIENT_NAME, options_of};
use crate::api::throw;
use crate::client::CallError;
use crate::php::args;
use crate::php::typed::{self, Typed};
use crate::php::{Carried, Class, End, Handle, Handler, Handlers, guard, ty};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{JobId, JobRequest, NewBatch, NewJob};

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

static CONSTRUCT: [Typed; 2] = [
    Typed::required("name", ty::STRING).default(typed::Default::Text("")),
    Typed::nullable("client", 0).or(&CLIENT_NAME),
];

/// What a `Batch` carries.
#[derive(Debug, Default)]
struct Batch {
    collected: Collected,
    batch: NewBatch,
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
                batch.collected = Collected::with_options(options);
                batch.batch = NewBatch { name, ..NewBatch::default() };
            });
        }
        End::Done
    });
}

impl Collection for Batch {
    const NOT_CONSTRUCTED: &'static str = "this Batch was not constructed";
    const EMPTY: &'static str = "a batch without jobs cannot be queued: add() some";

    fn collected(&mut self) -> &mut Collected {
        &mut self.collected
    }

    fn request(&self) -> JobRequest {
        let batch = Box::new(self.batch.clone());
        JobRequest::Enqueue { jobs: self.collected.jobs.clone(), batch: Some(batch) }
    }

    fn id(_: &[JobId], batch: Option<JobId>) -> Option<JobId> {
        batch
    }
}

/// Takes a job, and returns the batch itself.
fn take(frame: &ExecuteData, result: &mut Zval, keep: fn(&mut Batch, NewJob)) {
    guard(|| collected::take(frame, result, keep));
}

extern "C" fn add(frame: &mut ExecuteData, result: &mut Zval) {
    take(frame, result, |batch, job| batch.collected.jobs.push(job));
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
            && let Some((batch, _)) = parts::<Batch>(frame)
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
    guard(|| collected::queue::<Batch>(frame, result));
}
