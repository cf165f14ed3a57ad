//! Fault points: places where a test lets the worker die, as by kill -9 or a loss of power.
//!
//! `APPSERVER_FAULT_POINT=NAME` names the place, `NAME:2` the second time that it is reached. Without it a
//! point costs a look at one word.

use rustix::process::{Signal, getpid, kill_process};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A place, and the how-many-eth time.
struct Place {
    name: String,
    time: u32,
}

/// Dies here if this is the place.
pub(super) fn point(name: &str) {
    if is_here(name) {
        die();
    }
}

/// Panics here if this is the place, as by a defect of the program.
pub(super) fn defect(name: &str) {
    assert!(!is_here(name), "the defect that a test asked for");
}

/// Whether this is the place, and the time.
pub(super) fn is_here(name: &str) -> bool {
    static PLACE: OnceLock<Option<Place>> = OnceLock::new();
    static REACHED: AtomicU32 = AtomicU32::new(0);
    let place = PLACE.get_or_init(|| std::env::var("APPSERVER_FAULT_POINT").ok().map(place));
    let here = place.as_ref().filter(|place| place.name == name);
    here.is_some_and(|place| REACHED.fetch_add(1, Ordering::Relaxed) + 1 == place.time)
}

pub(super) fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    // The signal is on its way; nothing may be done any more.
    loop {
        std::thread::park();
    }
}

fn place(text: String) -> Place {
    let numbered = text.split_once(':').and_then(|(name, time)| Some((name, time.parse().ok()?)));
    let (name, time) = numbered.unwrap_or((&text, 1));
    Place { name: name.to_owned(), time }
}
