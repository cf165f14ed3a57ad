//! Fault points: places where a test lets the worker die, as by kill -9 or a loss of power.
//!
//! `APPSERVER_FAULT_POINT=NAME` names the place. Without it a point costs a look at one word.

use rustix::process::{Signal, getpid, kill_process};
use std::sync::OnceLock;

/// Dies here if this is the place.
pub(super) fn point(name: &str) {
    static PLACE: OnceLock<Option<String>> = OnceLock::new();
    let place = PLACE.get_or_init(|| std::env::var("APPSERVER_FAULT_POINT").ok());
    if place.as_deref() == Some(name) {
        let _ = kill_process(getpid(), Signal::KILL);
        // The signal is on its way; nothing may be done any more.
        loop {
            std::thread::park();
        }
    }
}
