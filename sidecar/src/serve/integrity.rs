//! After a loss of power: the unpacked files of a release are those that were signed.
//!
//! A release's archive is on disk before it counts, its unpacked files need not be: waiting until
//! thousands of them are makes a deploy take as long as the disk is busy with others. So at the first
//! start after the machine's they are compared with what was signed, and unpacked again where they
//! differ. A worker that was killed lost nothing: the kernel still has what it wrote.

use super::store::{Kept, Store};
use archive::{Limits, Policy, TrustedKeys, Unpacking};
use protocol::AppName;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind};
use std::path::Path;
use thiserror::Error;

/// Names this start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Whether a worker has used this folder since the machine was started. Notes that one does now.
pub(super) fn is_same_boot(state_dir: &Path) -> io::Result<bool> {
    let now = fs::read_to_string(BOOT_ID)?;
    let path = state_dir.join("boot-id");
    let before = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        before => before?,
    };
    if before != now {
        fs::write(&path, &now)?;
    }
    Ok(before == now)
}

/// Compares a release's files with what was signed, and unpacks them again where they differ.
pub(super) fn mend(
    store: &Store,
    app: &AppName,
    kept: &Kept,
    trusted: &TrustedKeys,
) -> Result<(), Unmended> {
    let root = store.root(kept.number);
    if archive::identify(&root).is_ok_and(|content| content.to_string() == kept.content) {
        return Ok(());
    }
    tracing::warn!(%app, release = kept.number, "its files are not those of its archive: unpacked again");
    // It was judged when it came: age and number do not matter any more.
    let policy = Policy {
        app: app.clone(),
        highest: None,
        max_age_ms: u64::MAX,
        skew_ms: u64::MAX,
        payload_bytes_max: Limits::default().archive_bytes_max,
    };
    let envelope = BufReader::new(File::open(store.archive(kept.number))?);
    let verified = archive::verify(envelope, trusted, &policy, 0)?;
    let beside = root.with_file_name("root.new");
    super::store::remove(&beside)?;
    let how = Unpacking { durable: true, read_only: true };
    verified.unpack(&beside, &Limits::default(), how)?;
    super::store::remove(&root)?;
    fs::rename(&beside, &root)?;
    Ok(())
}

/// Why a release's files could not be put right.
#[derive(Debug, Error)]
pub(super) enum Unmended {
    #[error("its archive cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("its archive is not accepted any more: {0}")]
    Rejected(#[from] archive::Rejected),
    #[error("its archive cannot be unpacked: {0}")]
    Archive(#[from] archive::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_boot_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_same_boot(folder.path()).unwrap());
        assert!(is_same_boot(folder.path()).unwrap());
        fs::write(folder.path().join("boot-id"), "another").unwrap();
        assert!(!is_same_boot(folder.path()).unwrap());
    }
}
