//! What `appserver.so`, loaded into this process, is told: where the application's settings are, what
//! its resources are, and of each call which settings it sees and when it has to end.
//!
//! Unsafe to look functions up by name and to call them. Contract: they have the signatures of
//! `ext/src/deployed_abi.rs`, which is built with this; a library that PHP has loaded stays.
#![allow(unsafe_code)]

use protocol::Boot;
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

type HandOver = unsafe extern "C" fn(*const u8, usize, *const u8, usize) -> bool;
type Announce = extern "C" fn(u16, u64);

static ANNOUNCE: OnceLock<Announce> = OnceLock::new();

/// After PHP has started. Says what to tell whoever deploys when that is not possible.
pub(crate) fn hand_over(boot: &Boot) -> Option<String> {
    let (Some(hand_over), Some(announce)) =
        (symbol(c"appserver_deployed"), symbol(c"appserver_call_begins"))
    else {
        // That the extension is missing is told already.
        return None;
    };
    // SAFETY: see the contract.
    let (hand_over, announce) = unsafe {
        (
            std::mem::transmute::<*mut c_void, HandOver>(hand_over),
            std::mem::transmute::<*mut c_void, Announce>(announce),
        )
    };
    let (settings, resources) = (&boot.settings_dir, &boot.resources.0);
    // SAFETY: texts with their lengths, which live during the call.
    let understood = unsafe {
        hand_over(settings.as_ptr(), settings.len(), resources.as_ptr(), resources.len())
    };
    let _ = ANNOUNCE.set(announce);
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

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a C string; PHP loads modules with RTLD_GLOBAL.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
