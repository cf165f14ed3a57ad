//! What `appserver.so`, loaded into this process, is told: where the application's settings are, what
//! its resources are, and of each call which settings it sees, when it has to end, and of which job it is
//! an attempt.
//!
//! Unsafe to look functions up by name and to call them. Contract: they have the signatures of
//! `ext/src/deployed_abi.rs`, which is built with this; a library that PHP has loaded stays.
#![allow(unsafe_code)]

use crate::executor;
use protocol::{Boot, JobContext, body_to_vec};
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

type HandOver = unsafe extern "C" fn(*const u8, usize, *const u8, usize) -> bool;
type Announce = extern "C" fn(u16, u64);
type Tell = extern "C" fn(u64, u64, *const u8, usize);
type AnnounceJob = unsafe extern "C" fn(*const u8, usize, Tell) -> bool;

static ANNOUNCE: OnceLock<Announce> = OnceLock::new();
static ANNOUNCE_JOB: OnceLock<AnnounceJob> = OnceLock::new();

/// After PHP has started. Says what to tell whoever deploys when that is not possible.
pub(crate) fn hand_over(boot: &Boot) -> Option<String> {
    let (Some(hand_over), Some(announce), Some(announce_job)) = (
        symbol(c"appserver_deployed"),
        symbol(c"appserver_call_begins"),
        symbol(c"appserver_job_begins"),
    ) else {
        // That the extension is missing is told already.
        return None;
    };
    // SAFETY: see the contract.
    let (hand_over, announce, announce_job) = unsafe {
        (
            std::mem::transmute::<*mut c_void, HandOver>(hand_over),
            std::mem::transmute::<*mut c_void, Announce>(announce),
            std::mem::transmute::<*mut c_void, AnnounceJob>(announce_job),
        )
    };
    let (settings, resources) = (&boot.settings_dir, &boot.resources.0);
    // SAFETY: texts with their lengths, which live during the call.
    let understood = unsafe {
        hand_over(settings.as_ptr(), settings.len(), resources.as_ptr(), resources.len())
    };
    let _ = ANNOUNCE.set(announce);
    let _ = ANNOUNCE_JOB.set(announce_job);
    (!understood).then(|| {
        "appserver.so does not understand this program: both must be of the same version".to_owned()
    })
}

/// A call begins: the settings that it sees, 0 = the newest, and its deadline, 0 = none.
pub(crate) fn announce_call(settings: u16, deadline_ns: u64) {
    if let Some(announce) = ANNOUNCE.get() {
        announce(settings, deadline_ns);
    }
}

/// After [`announce_call`]: the call is an attempt at a job. Its input is among the arguments.
pub(crate) fn announce_job(job: &JobContext) {
    if let Some(announce) = ANNOUNCE_JOB.get() {
        let JobContext { id, attempt, failures, crashes, batch, .. } = *job;
        let idempotency_key = job.idempotency_key.clone();
        let context =
            JobContext { id, attempt, failures, crashes, idempotency_key, batch, input: None };
        let told = body_to_vec(&context);
        // SAFETY: a text with its length, which lives during the call. Both are of one version.
        unsafe { announce(told.as_ptr(), told.len(), tell) };
    }
}

/// What the job says of its progress.
extern "C" fn tell(done: u64, total: u64, message: *const u8, length: usize) {
    // SAFETY: `appserver.so` passes a text of this length.
    let message = unsafe { std::slice::from_raw_parts(message, length) };
    executor::report(done, total, String::from_utf8_lossy(message).into_owned());
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a C string; PHP loads modules with RTLD_GLOBAL.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
