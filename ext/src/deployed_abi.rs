//! C functions by which `appserver-php`, in the same process, hands over what a deployed application is
//! given. It looks them up by name: a PHP without it never calls them.
//!
//! Contract: called on the thread of PHP; the texts are as long as said and live during the call.
#![allow(unsafe_code)]

use crate::deployed;
use crate::deployed::job::Tell;
use protocol::body_from_slice;
use std::slice;

/// The folder of the settings' generations (empty = none) and the resources as JSON. Called once, after
/// PHP has started. False when they cannot be understood.
///
/// # Safety
/// Each pointer is that of a text of the length that follows it.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn appserver_deployed(
    settings: *const u8,
    settings_length: usize,
    resources: *const u8,
    resources_length: usize,
) -> bool {
    // SAFETY: the caller's promise.
    let (settings, resources) = unsafe {
        (
            slice::from_raw_parts(settings, settings_length),
            slice::from_raw_parts(resources, resources_length),
        )
    };
    match (std::str::from_utf8(settings), std::str::from_utf8(resources)) {
        (Ok(settings), Ok(resources)) => deployed::hand_over(settings, resources),
        _ => false,
    }
}

/// A call begins: it sees this generation of the settings, 0 = the newest, and has to end by then, in
/// nanoseconds of CLOCK_MONOTONIC, 0 = at any time.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn appserver_call_begins(settings: u16, deadline_ns: u64) {
    deployed::announce(settings);
    deployed::limit(deadline_ns);
    deployed::job::is_none();
}

/// The call that has begun is an attempt at this job, a postcard `JobContext`; `tell` takes what it
/// says of its progress. False when that cannot be understood.
///
/// # Safety
/// `job` is as long as `length` says, and lives during the call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn appserver_job_begins(
    job: *const u8,
    length: usize,
    tell: Tell,
) -> bool {
    // SAFETY: the caller's promise.
    let job = unsafe { slice::from_raw_parts(job, length) };
    let understood = body_from_slice("job of a call", job);
    understood.map(|job| deployed::job::begins(job, tell)).is_ok()
}
