//! The engine as a worker drives it, one behaviour a test.

mod batches;
mod cancel;
mod chains;
mod clocks;
mod commits;
mod endings;
mod file;
mod groups;
mod idempotency;
mod kept;
mod limits;
mod model;
mod order;
mod queues;
mod releases;
mod reports;
mod retries;
mod schedules;
mod signatures;
mod unique;
mod worker;
