//! A folder of the worker's own: made, checked and locked.

use super::Error;
use super::identity::Account;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open};
use std::fs::{DirBuilder, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;

/// Locked while a worker uses the folder.
pub(super) const LOCK: &str = "lock";

/// Makes a folder, or accepts one that belongs to us and that nobody else can write. `setting` chooses
/// another one.
pub(super) fn make(
    path: &Path,
    mode: u32,
    setting: &str,
    account: Option<Account>,
) -> Result<(), Error> {
    let folder = format!("folder {}", path.display());
    let ours = rustix::process::geteuid().as_raw();
    let failed = |error| {
        let advice = format!("make it writable for user {ours}, or set another {setting}");
        Error::start(&folder, format!("{error}; {advice}"))
    };
    if !path.exists() {
        DirBuilder::new().recursive(true).mode(mode).create(path).map_err(failed)?;
        // Again, because the umask took its part.
        std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
    }
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    let theirs = account.map_or(ours, |account| account.uid);
    if !metadata.is_dir() || ![ours, theirs].contains(&metadata.uid()) {
        let message =
            format!("must be a folder of user {ours}; remove it or set another {setting}");
        return Err(Error::start(folder, message));
    }
    if metadata.mode() & 0o022 != 0 {
        let message = format!("can be written by others; chmod go-w it or set another {setting}");
        return Err(Error::start(folder, message));
    }
    if let Some(account) = account.filter(|_| rustix::process::geteuid().is_root()) {
        chown(path, Some(account.uid), Some(account.gid)).map_err(failed)?;
    }
    Ok(())
}

/// That another worker has it.
pub(super) fn taken(folder: &Path, setting: &str) -> Error {
    let message = format!("another worker uses this folder; stop it or set another {setting}");
    Error::start(folder.display(), message)
}

/// `None` = another worker has it.
pub(super) fn lock(folder: &Path, setting: &str) -> Result<Option<OwnedFd>, Error> {
    let path = folder.join(LOCK);
    let failed = |error: std::io::Error| {
        let advice = format!("it must be writable for the worker; else set another {setting}");
        Error::start(path.display(), format!("{error}; {advice}"))
    };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(&path, flags, Mode::from_raw_mode(0o600)).map_err(|e| failed(e.into()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        locked => locked.map_err(|error| failed(error.into()))?,
    }
    let held = fstat(&file).map_err(|error| failed(error.into()))?;
    match std::fs::symlink_metadata(&path) {
        Ok(there) if there.ino() == held.st_ino => Ok(Some(file)),
        // The worker that held it has just ended, and removed it.
        _ => lock(folder, setting),
    }
}
