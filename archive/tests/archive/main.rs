//! Archives as deployers and workers meet them: built from real files, handed over as bytes.
#![allow(clippy::unwrap_used)]

mod envelopes;
mod folders;
mod hostile_files;
mod keys;
mod payloads;
mod raw_tar;
mod raw_zip;
mod snapshots;
mod sources;
mod support;
mod trees;
