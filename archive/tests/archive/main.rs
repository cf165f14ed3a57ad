//! Archives as deployers and workers meet them: built from real files, handed over as bytes.
#![allow(clippy::unwrap_used)]

mod envelopes;
mod folders;
mod keys;
mod payloads;
mod sources;
mod support;
