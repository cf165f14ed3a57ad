//! The one place that sleeps: pauses that are measured conditions, or between two looks at a process.

use std::time::Duration;

#[allow(clippy::disallowed_methods, reason = "time passing is what is measured here")]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}
