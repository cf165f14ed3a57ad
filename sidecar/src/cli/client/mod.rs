//! A blocking client of workers: what the commands speak with.

mod connection;
mod error;
mod tls;
mod workers;

pub(crate) use connection::{Answer, CallId, CallRequest, Connection};
pub(crate) use error::{ClientError, near};
pub(crate) use workers::{Control, WorkerArgs, Workers};
