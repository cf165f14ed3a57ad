//! The control API over HTTP: who comes in, and what becomes of a request. The supervisor answers.
//!
//! Nothing here decides anything about releases: a request becomes a [`Question`], the supervisor's
//! answer a response. [`route`] has the table of both.
//!
//! [`Question`]: crate::admin::Question

mod answer;
mod body;
mod caller;
mod guard;
mod incoming;
mod jobs;
mod jobs_metrics;
mod metrics;
mod route;
mod router;
mod server;
mod stall;
#[cfg(test)]
mod tests;

pub(super) use guard::Guard;
pub(super) use server::Api;
