//! Configuration: read, checked and normalised before anything is bound or started.
//!
//! `appserver.toml` is the worker's ([`Daemon`]), `app.toml` an application's ([`Application`]). Each
//! key stands once in a table ([`daemon::KEYS`], [`application::KEYS`]) with its default and meaning;
//! tests hold tables and structs together, and the documents are generated from them.

pub(crate) mod application;
mod application_keys;
mod apps;
pub(crate) mod control;
pub(crate) mod daemon;
mod deployment;
mod document;
mod error;
mod executors;
mod explain;
pub(crate) mod functions;
mod key;
mod level;
mod load;
mod merge;
mod origin;
mod pools;
mod provision;
pub(crate) mod queues;
mod resources;
mod schedules;
pub(crate) mod settings;
#[cfg(test)]
mod tests;
mod warnings;

pub(crate) use application::Application;
pub(crate) use apps::{Apps, OpenBasedir, Policy};
pub(crate) use daemon::{Daemon, Identity, LogFormat, load_daemon};
#[cfg(test)]
use deployment::load_application;
pub(crate) use deployment::{Deployment, load_release};
pub(crate) use error::ConfigError;
pub(crate) use executors::Executors;
pub(crate) use explain::{Explained, Layer, explain, put_set};
pub(crate) use key::Key;
pub(crate) use load::{Configuration, load};
pub(crate) use origin::Origins;
use pools::Pool;
pub(crate) use provision::Provision;
pub(crate) use resources::assemble as assemble_resources;
pub(crate) use schedules::Scheduled;
pub(crate) use warnings::{schedules_alone, warnings};
