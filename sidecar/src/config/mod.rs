//! Configuration: read, checked and normalised before anything is bound or started.
//!
//! `appserver.toml` is the worker's ([`Daemon`]), `app.toml` an application's ([`Application`]). Each
//! key stands once in a table ([`daemon::KEYS`], [`application::KEYS`]) with its default and meaning;
//! tests hold tables and structs together, and the documents are generated from them.

pub(crate) mod application;
mod apps;
pub(crate) mod control;
pub(crate) mod daemon;
mod deployment;
mod document;
mod error;
mod key;
mod level;
mod load;
mod merge;
mod origin;
mod provision;
mod resources;
#[cfg(test)]
mod tests;

pub(crate) use application::{Application, Executors};
pub(crate) use apps::{Apps, OpenBasedir, Policy};
pub(crate) use daemon::{Daemon, Identity, LogFormat, load_daemon};
#[cfg(test)]
use deployment::load_application;
pub(crate) use deployment::{Deployment, load_release};
pub(crate) use error::ConfigError;
pub(crate) use key::Key;
pub(crate) use load::{Configuration, load};
pub(crate) use origin::Origins;
pub(crate) use provision::Provision;
pub(crate) use resources::assemble as assemble_resources;

/// Names of the keys of an `app.toml`, in the order of the documentation.
pub(crate) fn application_keys() -> Vec<String> {
    application::KEYS.iter().map(|key| key.name.to_owned()).collect()
}
