//! Configuration: read, checked and normalised before anything is bound or started.
//!
//! `appserver.toml` is the worker's ([`Daemon`]), `app.toml` an application's ([`Application`]). Each
//! key stands once in a table ([`daemon::KEYS`], [`application::KEYS`]) with its default and meaning;
//! tests hold tables and structs together, and the documents are generated from them.

pub(crate) mod application;
pub(crate) mod control;
pub(crate) mod daemon;
mod document;
mod error;
mod key;
mod level;
mod load;
#[cfg(test)]
mod tests;

pub(crate) use application::{Application, Executors};
pub(crate) use daemon::{Daemon, Identity, LogFormat};
pub(crate) use error::ConfigError;
pub(crate) use key::Key;
#[cfg(test)]
use load::load_application;
pub(crate) use load::{Configuration, Deployment, load, load_daemon, load_release};
