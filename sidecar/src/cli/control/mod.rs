//! A client of workers' control API: what the commands for deploys speak with.

mod args;
mod client;
mod failure;
mod fleet;

pub(crate) use args::ControlArgs;
pub(crate) use client::Client;
pub(crate) use failure::Failure;
pub(crate) use fleet::{Fleet, Outcome, finish, print};
