//! `AppServer\Chain`: jobs that run one after the other, each with the result of the one before.

use super::arguments::{JOB_MASK, with_queue_args};
use super::collected::{self, Collected, Collection};
use crate::api::client::{CLIENT_NAME, options_of};
use crate::php::typed::{self, Typed};
use crate::php::{Carried, Class, End, Handle, Handlers, guard};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as Registered;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{JobId, JobRequest, NewJob};

static CLASS: Class = Class::unregistered();
static HANDLERS: Handlers = Handlers::new();

static CONSTRUCT: [Typed; 1] = [Typed::nullable("client", 0).or(&CLIENT_NAME)];

/// What a `Chain` carries.
#[derive(Debug, Default)]
struct Chain(Collected);

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
            chain.with(|chain| *chain = Chain(Collected::with_options(options)));
        }
        End::Done
    });
}

impl Collection for Chain {
    const NOT_CONSTRUCTED: &'static str = "this Chain was not constructed";
    const EMPTY: &'static str = "a chain without jobs cannot be queued: add() some";

    fn collected(&mut self) -> &mut Collected {
        &mut self.0
    }

    /// Its first job, with the others.
    fn request(&self) -> JobRequest {
        let jobs = match self.0.jobs.split_first() {
            Some((first, rest)) => vec![NewJob { then: rest.to_vec(), ..first.clone() }],
            None => Vec::new(),
        };
        JobRequest::Enqueue { jobs, batch: None }
    }

    fn id(jobs: &[JobId], _: Option<JobId>) -> Option<JobId> {
        jobs.first().copied()
    }
}

impl Chain {
    /// What makes a job one of its kind, and when it begins, is the first one's alone: the others
    /// follow it.
    fn push(&mut self, mut job: NewJob) {
        if !self.0.jobs.is_empty() {
            let of = &mut job.options;
            (of.delay_ms, of.run_at_ms, of.expires_ms) = (None, None, None);
            (of.unique, of.idempotency_key) = (None, None);
        }
        self.0.jobs.push(job);
    }
}

extern "C" fn add(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| collected::take(frame, result, Chain::push));
}

extern "C" fn queue(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| collected::queue::<Chain>(frame, result));
}
