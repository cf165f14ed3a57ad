//! What PHP code sees: functions, classes, settings, phpinfo(). Held to `stubs/appserver.stub.php`
//! by a test that compares the two by reflection.

mod affinity;
mod attributes;
mod cache;
mod cache_key;
mod cached;
mod change;
mod client;
mod codec;
pub(crate) mod deployed;
mod exceptions;
pub(crate) mod functions;
mod future;
mod gather;
pub(crate) mod jobs;
mod map;
mod outcome;
mod pin;
mod pipeline;
pub(crate) mod refusals;
mod remote;
pub(crate) mod settings;
pub(crate) mod status;
mod throw;

use ext_php_rs::error::Result;

/// Registers every class, in MINIT. Parents come before their children.
pub(crate) fn register_classes() -> Result<()> {
    exceptions::register()?;
    attributes::register()?;
    future::register()?;
    map::register()?;
    client::register()?;
    cache::register()?;
    jobs::register()?;
    jobs::complete();
    Ok(())
}

/// RINIT: nothing of an earlier PHP request is held any more.
pub(crate) fn request_initializes() {
    cached::request_initializes();
}

/// The process ends; no PHP request will run.
pub(crate) fn shut_down() {
    cached::shut_down();
}

/// A PHP request begins.
pub(crate) fn request_begins() {
    throw::request_begins();
    deployed::request_begins();
    jobs::request_begins();
}
