//! A folder that nobody else writes, filled from nothing; gone again unless it was finished.
//!
//! Every step goes from a descriptor of the folder by single names with `O_NOFOLLOW`, files are
//! created with `O_EXCL`, and links only when all else is there: nothing can be written through a
//! link, whatever the names are.

use crate::error::Error;
use crate::path;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Dir, Mode, OFlags, fchmod, mkdirat, open, openat, symlinkat, syncfs};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

const OPEN_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

pub(crate) struct NewFolder {
    path: PathBuf,
    root: OwnedFd,
    /// The folder written to last, and those around it, so that a path is not walked for each file.
    open: Vec<(String, OwnedFd)>,
    folders: Vec<String>,
    links: Vec<(String, String)>,
    read_only: bool,
    finished: bool,
}

impl NewFolder {
    /// Makes the folder, which nobody but its owner can look into before it is finished.
    pub(crate) fn create(path: &Path, read_only: bool) -> Result<Self, Error> {
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::FolderExists(path.to_owned()),
            _ => Error::io("make the folder", path)(error),
        })?;
        let root = match open(path, OPEN_FOLDER, Mode::empty()) {
            Ok(root) => root,
            Err(error) => {
                // Empty, and ours.
                let _ = std::fs::remove_dir(path);
                return Err(Error::io("open the folder", path)(error.into()));
            }
        };
        Ok(Self {
            path: path.to_owned(),
            root,
            open: Vec::new(),
            folders: Vec::new(),
            links: Vec::new(),
            read_only,
            finished: false,
        })
    }

    pub(crate) fn folder(&mut self, path: &str) -> Result<(), Error> {
        self.enter(path)
    }

    /// A new file, writable through what is returned and never again where read-only was asked for.
    pub(crate) fn file(&mut self, path: &str, executable: bool) -> Result<File, Error> {
        self.enter(path::parent(path))?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let created = openat(self.innermost(), name, NEW_FILE, Mode::RUSR | Mode::WUSR);
        let file = created.map_err(|error| self.error("make", path, error))?;
        fchmod(&file, self.mode(executable)).map_err(|error| self.error("chmod", path, error))?;
        Ok(File::from(file))
    }

    /// Remembers a link; [`NewFolder::finish`] makes it.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.links.push((path.to_owned(), target.to_owned()));
    }

    /// Makes the links and opens the folder to others. With `durable` everything is on disk when this
    /// returns: one `syncfs`, because `fsync` of each of some thousand files waits for as many commits
    /// of the filesystem's journal.
    pub(crate) fn finish(mut self, durable: bool) -> Result<(), Error> {
        for (path, target) in std::mem::take(&mut self.links) {
            self.enter(path::parent(&path))?;
            let name = path.rsplit('/').next().unwrap_or(&path);
            symlinkat(target.as_str(), self.innermost(), name)
                .map_err(|error| self.error("link", &path, error))?;
        }
        // From the inside out: a folder that cannot be written can still be walked through.
        for path in std::mem::take(&mut self.folders).iter().rev() {
            self.enter(path)?;
            fchmod(self.innermost(), self.mode(true))
                .map_err(|error| self.error("chmod", path, error))?;
        }
        fchmod(&self.root, self.mode(true)).map_err(|error| self.error("chmod", "", error))?;
        if durable {
            syncfs(&self.root).map_err(|error| self.error("sync", "", error))?;
        }
        self.finished = true;
        Ok(())
    }

    /// Makes `path`'s folder the innermost open one; makes those that do not exist.
    fn enter(&mut self, path: &str) -> Result<(), Error> {
        let around = |outer: &str| {
            path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        while self.open.last().is_some_and(|(outer, _)| !around(outer)) {
            self.open.pop();
        }
        let mut at = self.open.last().map_or(0, |(outer, _)| outer.len() + 1);
        while at < path.len() {
            let end = path[at..].find('/').map_or(path.len(), |length| at + length);
            let opened = self.open_or_make(&path[at..end], &path[..end])?;
            self.open.push((path[..end].to_owned(), opened));
            at = end + 1;
        }
        Ok(())
    }

    fn open_or_make(&mut self, name: &str, path: &str) -> Result<OwnedFd, Error> {
        match mkdirat(self.innermost(), name, Mode::RWXU) {
            Ok(()) => self.folders.push(path.to_owned()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(self.error("make", path, error)),
        }
        openat(self.innermost(), name, OPEN_FOLDER, Mode::empty())
            .map_err(|error| self.error("open", path, error))
    }

    fn innermost(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd())
    }

    fn mode(&self, executable: bool) -> Mode {
        match (self.read_only, executable) {
            (false, false) => Mode::from_raw_mode(0o644),
            (false, true) => Mode::from_raw_mode(0o755),
            (true, false) => Mode::from_raw_mode(0o444),
            (true, true) => Mode::from_raw_mode(0o555),
        }
    }

    fn error(&self, doing: &'static str, path: &str, error: Errno) -> Error {
        Error::io(doing, &self.path.join(path))(error.into())
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.finished {
            // There is nobody to tell: the caller gets the error that brought us here.
            let _ = remove_release(&self.path);
        }
    }
}

/// Removes a folder that was unpacked, a read-only one too. Follows no links.
pub fn remove_release(folder: &Path) -> io::Result<()> {
    // Whoever is not root can remove nothing from a folder that is read-only.
    make_writable(open(folder, OPEN_FOLDER, Mode::empty())?)?;
    std::fs::remove_dir_all(folder)
}

fn make_writable(folder: OwnedFd) -> io::Result<()> {
    fchmod(&folder, Mode::RWXU)?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        match openat(&folder, name, OPEN_FOLDER, Mode::empty()) {
            Ok(inner) => make_writable(inner)?,
            // A file, or a link.
            Err(Errno::NOTDIR | Errno::LOOP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
