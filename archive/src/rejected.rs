//! Why an envelope is not accepted: one variant a cause.

use crate::key::KeyId;
use protocol::AppName;
use std::io;
use thiserror::Error;

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Rejected {
    #[error("this is no signed release: send what `appserver deploy` makes")]
    NotAnEnvelope,
    #[error("the release is packed by version {version} of the format; update this worker")]
    UnknownVersion { version: u16 },
    #[error("the envelope's header has {bytes} bytes, {max} are allowed")]
    HeaderTooLong { bytes: usize, max: usize },
    #[error("the envelope ends too early")]
    Truncated,
    #[error("cannot read the envelope: {0}")]
    Read(io::Error),
    #[error(
        "the release is signed by key {0}, which this worker does not trust: add the deployer's \
         public key to its trusted keys"
    )]
    UnknownKey(KeyId),
    #[error("the signature by key {0} is wrong: the envelope was altered")]
    BadSignature(KeyId),
    #[error("the envelope's header is malformed: {0}")]
    MalformedHeader(&'static str),
    #[error("the release is one of \"{found}\", not of \"{expected}\"")]
    OtherApp { expected: AppName, found: AppName },
    #[error("release {number} is older than release {highest}, which was accepted already")]
    Older { number: u64, highest: u64 },
    #[error(
        "release {number} was accepted already, with other content (highest so far: {highest}): \
         deploy again, it gets the next one"
    )]
    Replayed { number: u64, highest: u64 },
    #[error("release {number} is here already")]
    AlreadyHere { number: u64 },
    #[error(
        "the release was signed {age_ms} ms ago, {max_ms} ms are allowed: deploy it again, or check \
         the clocks of both hosts"
    )]
    TooOld { age_ms: u64, max_ms: u64 },
    #[error(
        "the release was signed {ahead_ms} ms in the future, {max_ms} ms are allowed: check the \
         clocks of both hosts"
    )]
    FromTheFuture { ahead_ms: u64, max_ms: u64 },
    #[error("the archive has {bytes} bytes, {max} are allowed")]
    PayloadTooLarge { bytes: u64, max: u64 },
}
