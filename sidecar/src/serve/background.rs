//! Threads whose work may wait: unpacking and removing releases.

use rustix::process::{Pid, setpriority_process};

/// Lets everything else go first, for as long as the thread lives: a thread of a pool would go on with
/// work that is urgent.
pub(super) fn lower_priority() {
    // Priorities are each thread's own on Linux. That it cannot be lowered harms nobody.
    let thread = Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
    let _ = setpriority_process(thread, 15);
}
