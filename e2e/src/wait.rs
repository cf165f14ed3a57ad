//! Waiting for a condition, never for an amount of time.

use std::time::{Duration, Instant};

/// Longest any condition may take: generous, because a shared machine may be slow.
const DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);
/// How often in a row something is seen that is taken not to change any more.
const LOOKS: u32 = 200;

/// Polls `condition` until it gives a value; panics with `what` when it has not after half a minute.
#[track_caller]
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::park_timeout(PAUSE);
    }
}

/// Looks until it sees the same so many times in a row, and tells that; panics with `what` as above.
#[track_caller]
pub fn settles<T: PartialEq>(what: &str, mut look: impl FnMut() -> T) -> T {
    let (mut seen, mut in_a_row) = (look(), 0);
    eventually(what, || {
        let now = look();
        in_a_row = if now == seen { in_a_row + 1 } else { 0 };
        seen = now;
        (in_a_row == LOOKS).then_some(())
    });
    seen
}

/// Whether the process has ended (a zombie has).
pub fn process_is_gone(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The state follows the command's closing parenthesis.
        Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
        Err(_) => true,
    }
}
