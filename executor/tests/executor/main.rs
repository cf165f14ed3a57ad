//! The real `appserver-php`, driven by a supervisor of a few lines.

mod caching;
mod calls;
mod connections;
mod effects;
mod ends;
mod jobs;
mod limits;
mod processes;
mod resident;
mod retired;
mod starting;
mod support;
