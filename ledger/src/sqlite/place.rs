//! Where a ledger is: its files, who may read them, and that one process has them.

use crate::Error;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, Mode, OFlags, fchmod, flock, fsync, open};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The ledger's file; SQLite puts the log and its index beside it, with the same mode.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// Another VFS than SQLite's own, by its name.
    vfs: Option<String>,
    /// Held by this process until it ends or the ledger is dropped; none with another VFS.
    _lock: Option<OwnedFd>,
}

impl Place {
    /// Takes the place, and makes the file if need be: readable for its owner alone, and its name on
    /// disk before anything is in it.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let lock = lock(path)?;
        // Not opened again by ourselves while SQLite has it: closing any descriptor of a file ends all
        // of a process's POSIX locks on it.
        let file = open(path, OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC, OWNER_ALONE)
            .map_err(failed("open the ledger", path))?;
        fchmod(&file, OWNER_ALONE).map_err(failed("set the mode of", path))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let opened =
            open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(failed("open the folder", folder))?;
        fsync(&opened).map_err(failed("sync the folder", folder))?;
        Ok(Self { path: path.to_owned(), vfs: None, _lock: Some(lock) })
    }

    /// A file of another VFS, which nobody else has.
    #[cfg(feature = "testing")]
    pub(crate) fn on(path: &Path, vfs: &str) -> Self {
        Self { path: path.to_owned(), vfs: Some(vfs.to_owned()), _lock: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn vfs(&self) -> Option<&str> {
        self.vfs.as_deref()
    }

    pub(super) fn connect_writer(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    pub(super) fn connect_reader(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        // A connection is used by one thread at a time: it needs no mutex.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match &self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&self.path, flags, vfs.as_str()),
            None => Connection::open_with_flags(&self.path, flags),
        }
    }
}

const OWNER_ALONE: Mode = Mode::from_raw_mode(0o600);

/// In a file of its own, because the ledger's belongs to SQLite (see [`Place::take`]).
fn lock(path: &Path) -> Result<OwnedFd, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let name = PathBuf::from(name);
    let file = open(&name, OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC, OWNER_ALONE)
        .map_err(failed("open the lock file", &name))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(Error::Locked { path: path.to_owned() }),
        Err(errno) => Err(failed("lock", &name)(errno)),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(Errno) -> Error {
    move |errno| {
        let message = format!("{}: {}", path.display(), std::io::Error::from(errno));
        match errno {
            Errno::NOSPC | Errno::DQUOT => Error::Full { doing, message },
            _ => Error::Io { doing, message },
        }
    }
}
