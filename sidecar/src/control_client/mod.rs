//! A client of workers' control API: the commands for deploys speak with it, and workers that catch up
//! with each other.

mod access;
mod client;
mod failure;

pub(crate) use access::{Access, SYSTEM_AUTHORITIES, read_token};
pub(crate) use client::Client;
pub(crate) use failure::Failure;
