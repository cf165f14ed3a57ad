//! What the end-to-end tests stand on: the built binaries, a sidecar of one's own, PHP processes.
//!
//! The tests use what `make build` leaves, in the folder named by `APPSERVER_BIN_DIR` or else in
//! `target/release`.
#![forbid(unsafe_code)]

mod artifacts;
mod caller;
pub mod control;
pub mod deployer;
mod dev;
mod failing_disk;
mod family;
mod fpm;
mod jobs;
mod php;
mod queue;
mod sidecar;
mod wait;
pub mod wire;

pub use artifacts::Artifacts;
pub use caller::Caller;
pub use deployer::{Deployer, controls};
pub use dev::Dev;
pub use failing_disk::FailingDisk;
pub use family::send_signal;
pub use fpm::Fpm;
pub use jobs::JobsWire;
pub use php::{PATIENCE_S, PhpOutput, RunningPhp};
pub use queue::{Queue, Ran};
pub use sidecar::{Sidecar, SidecarBuilder};
pub use wait::{eventually, process_is_gone, settles};
