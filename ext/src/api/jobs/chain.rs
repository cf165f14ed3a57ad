//! `AppServer\Chain`: jobs that run one after the other, each with the result of the one before.

use super::JOB_MASK;
use super::ask::{await_reply, misunderstood};
use super::queue::{encode, job_args, with_queue_args};
use crate::api::client::{CLIENT_NAME, options_of};
use crate::api::throw;
use crate::client::{self, CallError, CallId, Options};
use crate::php::args;
use crate::php::typed::{self, Typed};
use crate::php::{Carried, Class, End, Handle, Handlers, guard};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{JobReply, JobRequest, NewJob};
use std::rc::Rc;

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

static CONSTRUCT: [Typed; 1] = [Typed::nullable("client", 0).or(&CLIENT_NAME)];

/// What a `Chain` carries.
#[derive(Debug, Default)]
struct Chain {
    /// `None` before its constructor ran.
    options: Option<Rc<Options>>,
    jobs: Vec<NewJob>,
    /// Of the arguments so far.
    bytes: usize,
}

impl Carried for Chain {
    fn class() -> &'static Class {
        &CLASS
    }

    fn handlers() -> &'static Handlers {
        &HANDLERS
    }
}

/// Registers the class.
pub(super) fn register() -> Registered<()> {
    let constructor = FunctionBuilder::constructor(construct).not_required();
    let constructor = CONSTRUCT.iter().fold(constructor, |f, param| f.arg(param.arg()));
    let add = with_queue_args(FunctionBuilder::new("add", add));
    let builder = ClassBuilder::new("AppServer\\Chain")
        .flags(ClassFlags::Final)
        .method(constructor, MethodFlags::Public | MethodFlags::IsConstructor)
        .method(
            add.returns(DataType::object("AppServer\\Chain"), false, false),
            MethodFlags::Public,
        )
        .method(
            FunctionBuilder::new("queue", queue).returns(DataType::String, false, false),
            MethodFlags::Public,
        );
    CLASS.register(builder)?;
    CLASS.widen("add", 0, JOB_MASK);
    Chain::install();
    Ok(())
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(given) = typed::read(frame, 0, &CONSTRUCT) else {
            return End::Done;
        };
        if let Some(options) = options_of(given.get("client"))
            && let Some(chain) = Handle::<Chain>::of_value(&frame.This)
        {
            chain.with(|chain| *chain = Chain { options: Some(options), ..Chain::default() });
        }
        End::Done
    });
}

/// The chain that a method was called on, and its options; throws when its constructor did not run.
fn parts(frame: &ExecuteData) -> Option<(Handle<Chain>, Rc<Options>)> {
    let chain = Handle::<Chain>::of_value(&frame.This)?;
    let options = chain.with(|chain| chain.options.clone());
    if options.is_none() {
        throw::misuse("this Chain was not constructed");
    }
    Some((chain, options?))
}

extern "C" fn add(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some((chain, options)), Some(args)) = (parts(frame), job_args(frame)) else {
            return End::Done;
        };
        let job = match encode(&options, &args) {
            Ok(job) => job,
            Err(end) => return end,
        };
        match chain.with(|chain| chain.push(job, &options)) {
            Ok(()) => *result = frame.This.shallow_clone(),
            Err(error) => throw::raise(error),
        }
        End::Done
    });
}

impl Chain {
    /// All of it travels in one frame. What makes a job one of its kind, and when it begins, is the
    /// first one's alone: the others follow it.
    fn push(&mut self, mut job: NewJob, options: &Options) -> Result<(), CallError> {
        let bytes = self.bytes + job.arguments.len() + job.function.len();
        if u32::try_from(bytes).is_ok_and(|bytes| bytes <= options.frame_bytes_max) {
            if !self.jobs.is_empty() {
                let of = &mut job.options;
                (of.delay_ms, of.run_at_ms, of.expires_ms) = (None, None, None);
                (of.unique, of.idempotency_key) = (None, None);
            }
            self.bytes = bytes;
            self.jobs.push(job);
            return Ok(());
        }
        Err(CallError::too_large(&job.function, bytes, options.frame_bytes_max))
    }

    /// Its first job, with the others.
    fn to_job(&self) -> Option<NewJob> {
        let (first, rest) = self.jobs.split_first()?;
        Some(NewJob { then: rest.to_vec(), ..first.clone() })
    }
}

extern "C" fn queue(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (Some(()), Some((chain, options))) = (args::none(frame), parts(frame)) else {
            return End::Done;
        };
        if chain.with(|chain| chain.jobs.is_empty()) {
            throw::misuse("a chain without jobs cannot be queued: add() some");
            return End::Done;
        }
        let id = client::begin();
        if let Err(error) = client::prepare_storing(id, &options) {
            client::release(id);
            throw::raise(error);
            return End::Done;
        }
        send(id, chain);
        match await_reply(id) {
            Ok(JobReply::Accepted { jobs, .. }) if !jobs.is_empty() => {
                *result = throw::text(jobs[0].id.to_string());
                End::Done
            }
            Ok(_) => misunderstood(),
            Err(end) => end,
        }
    });
}

/// Apart from its caller: the request is gone before anything is waited for.
fn send(id: CallId, chain: Handle<Chain>) {
    if let Some(job) = chain.with(|chain| chain.to_job()) {
        client::send_errand(id, &JobRequest::Enqueue { jobs: vec![job], batch: None });
    }
}
