//! Jobs that are given one by one and stored together: what a `Batch` and a `Chain` have in common.

use super::arguments::job_args;
use super::ask::{await_reply, misunderstood};
use super::queue::encode;
use crate::api::throw;
use crate::client::{self, CallError, CallId, Options};
use crate::php::args;
use crate::php::{Carried, End, Handle};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::{JobId, JobReply, JobRequest, NewJob};
use std::rc::Rc;

/// The jobs so far.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// `None` before the constructor ran.
    options: Option<Rc<Options>>,
    pub(super) jobs: Vec<NewJob>,
    /// Of the arguments so far, those of a batch's callbacks included.
    bytes: usize,
}

impl Collected {
    pub(super) fn with_options(options: Rc<Options>) -> Self {
        Self { options: Some(options), ..Self::default() }
    }

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

/// What an object of the class carries.
pub(super) trait Collection: Carried {
    /// What is thrown when its constructor did not run, and when it is queued without jobs.
    const NOT_CONSTRUCTED: &'static str;
    const EMPTY: &'static str;

    fn collected(&mut self) -> &mut Collected;

    /// To store all of it; it may be queued again.
    fn request(&self) -> JobRequest;

    /// The id that its caller is told.
    fn id(jobs: &[JobId], batch: Option<JobId>) -> Option<JobId>;
}

/// The object that a method was called on, and its options; throws when its constructor did not run.
pub(super) fn parts<C: Collection>(frame: &ExecuteData) -> Option<(Handle<C>, Rc<Options>)> {
    let collection = Handle::<C>::of_value(&frame.This)?;
    let options = collection.with(|collection| collection.collected().options.clone());
    if options.is_none() {
        throw::misuse(C::NOT_CONSTRUCTED);
    }
    Some((collection, options?))
}

/// Encodes a job, hands it to `keep`, and returns the object itself.
pub(super) fn take<C: Collection>(
    frame: &ExecuteData,
    result: &mut Zval,
    keep: fn(&mut C, NewJob),
) -> End {
    let (Some((collection, options)), Some(args)) = (parts::<C>(frame), job_args(frame)) else {
        return End::Done;
    };
    let job = match encode(&options, &args) {
        Ok(job) => job,
        Err(end) => return end,
    };
    let reserved = collection.with(|collection| {
        collection.collected().reserve(&job, &options)?;
        keep(collection, job);
        Ok(())
    });
    match reserved {
        Ok(()) => *result = frame.This.shallow_clone(),
        Err(error) => throw::raise(error),
    }
    End::Done
}

/// Stores all of it; `result` is the id.
pub(super) fn queue<C: Collection>(frame: &ExecuteData, result: &mut Zval) -> End {
    let (Some(()), Some((collection, options))) = (args::none(frame), parts::<C>(frame)) else {
        return End::Done;
    };
    if collection.with(|collection| collection.collected().jobs.is_empty()) {
        throw::misuse(C::EMPTY);
        return End::Done;
    }
    let id = client::begin();
    if let Err(error) = client::prepare_storing(id, &options) {
        client::release(id);
        throw::raise(error);
        return End::Done;
    }
    send(id, collection);
    let accepted = match await_reply(id) {
        Ok(JobReply::Accepted { jobs, batch }) => {
            let jobs: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
            C::id(&jobs, batch)
        }
        Ok(_) => None,
        Err(end) => return end,
    };
    match accepted {
        Some(id) => {
            *result = throw::text(id.to_string());
            End::Done
        }
        None => misunderstood(),
    }
}

/// Apart from its caller: the request is gone before anything is waited for.
fn send<C: Collection>(id: CallId, collection: Handle<C>) {
    let request = collection.with(|collection| collection.request());
    client::send_errand(id, &request);
}
