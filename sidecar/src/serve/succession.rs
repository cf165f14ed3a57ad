//! That no process of the worker's last life runs any more.
//!
//! The executors of a worker that was killed are ended by their prototypes, a moment after it. A job of
//! theirs must not begin anew before that. So prototypes and executors hold a lock, by a descriptor that
//! they inherit, and the worker's next life waits for it. Whatever else their PHP code starts does not
//! have it.

use super::error::Error;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// In the worker's state folder.
const FILE: &str = "processes.lock";
/// Killed processes are gone within milliseconds, unless the kernel holds one, e.g. for a broken disk.
const WAIT_MAX: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);

/// Waits for the end of what was before; what is returned is for every process of this life.
#[expect(
    clippy::disallowed_methods,
    reason = "nobody can be told of a lock that became free and give up at a deadline, too"
)]
pub(super) fn succeed(state_dir: &Path) -> Result<OwnedFd, Error> {
    let path = state_dir.join(FILE);
    let failed = |error: std::io::Error| Error::start(path.display(), error);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(&path, flags, Mode::from_raw_mode(0o600));
    let file = file.map_err(|error| failed(error.into()))?;
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if began.elapsed() < WAIT_MAX => thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => {
                let message = "processes of the worker that ran before do not end: a job that one of \
                               them runs must not run twice. End them (fuser shows which hold the file)";
                return Err(Error::start(path.display(), message));
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn whoever_inherited_it_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let life = succeed(folder.path()).unwrap();
        // As a child does that has the descriptor, and ends with its standard input.
        let spawn = |inherited: OwnedFd| {
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::from(inherited)).spawn()
        };
        let mut heir = spawn(life).unwrap();
        let path = folder.path().to_owned();
        let next = thread::spawn(move || succeed(&path).map(drop));
        thread::yield_now();
        assert!(!next.is_finished(), "it did not wait");
        drop(heir.stdin.take());
        next.join().unwrap().unwrap();
        heir.wait().unwrap();
    }
}
