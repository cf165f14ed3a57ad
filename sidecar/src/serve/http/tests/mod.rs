//! The control API over real sockets, with a task in the supervisor's place.

mod fake;
mod jobs;
mod openapi;
mod requests;
mod samples;
