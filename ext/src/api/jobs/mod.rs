//! What PHP code sees of jobs.

mod arguments;
mod ask;
mod awaiting;
mod batch;
mod batch_status;
mod chain;
mod collected;
mod encoded;
mod endings;
mod enums;
mod job;
mod queue;
mod records;
mod status;
mod terms;

pub(super) use arguments::with_queue_args;
pub(super) use queue::{queue_with, with_job, with_job_args};

use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::error::Result;

/// Registers every class; parents and enums before those that name them.
pub(super) fn register() -> Result<()> {
    enums::register()?;
    records::register()?;
    endings::register()?;
    job::register()?;
    status::register()?;
    batch_status::register()?;
    batch::register()?;
    chain::register()
}

/// What PHP is told about the functions.
pub(super) fn builders() -> impl Iterator<Item = FunctionBuilder<'static>> {
    queue::builders().into_iter().chain([encoded::builder(), job::progress_builder()])
}

/// Completes the types of functions and of `Client`'s methods, which are registered already.
pub(super) fn complete() {
    queue::complete();
}

/// A PHP request begins.
pub(super) fn request_begins() {
    status::request_begins();
}
