//! A folder on disk, walked in canonical order.

use crate::chunks;
use crate::content::{ContentHasher, ContentId};
use crate::error::Error;
use crate::ignored::Ignored;
use rustix::fs::OFlags;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Something in the folder that is not ignored.
pub(crate) struct Found<'a> {
    /// Below the folder.
    pub(crate) path: &'a Path,
    /// From where it can be opened.
    pub(crate) place: PathBuf,
    pub(crate) metadata: Metadata,
}

impl Found<'_> {
    pub(crate) fn name(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    /// As git has it: whether the owner may run it.
    pub(crate) fn is_executable(&self) -> bool {
        self.metadata.permissions().mode() & 0o100 != 0
    }

    pub(crate) fn link_target(&self) -> Result<Vec<u8>, Error> {
        let target = std::fs::read_link(&self.place).map_err(Error::io("read", &self.place))?;
        Ok(target.into_os_string().as_bytes().to_vec())
    }

    /// Opens it as the regular file that it was a moment ago.
    pub(crate) fn open(&self) -> Result<File, Error> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = std::fs::OpenOptions::new();
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = options.open(&self.place).map_err(Error::io("open", &self.place))?;
        let metadata = file.metadata().map_err(Error::io("read", &self.place))?;
        if !metadata.is_file() {
            return Err(Error::Changed(self.place.clone()));
        }
        Ok(file)
    }
}

/// Shows `visit` everything below `root`: each folder before what lies in it, in the order of the
/// names' bytes. Follows no links.
pub(crate) fn walk(
    root: &Path,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let ignored = Ignored::load(root)?;
    walk_folder(root, Path::new(""), &ignored, visit)
}

fn walk_folder(
    root: &Path,
    folder: &Path,
    ignored: &Ignored,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let place = root.join(folder);
    let cannot = |error| Error::io("read", &place)(error);
    let entries = std::fs::read_dir(&place).map_err(cannot)?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(cannot)?.file_name());
    }
    names.sort_unstable();
    for name in names {
        let path = folder.join(&name);
        let place = root.join(&path);
        let metadata = std::fs::symlink_metadata(&place).map_err(Error::io("read", &place))?;
        if ignored.contains(&path, metadata.is_dir()) {
            continue;
        }
        let found = Found { path: &path, place, metadata };
        visit(&found)?;
        if found.metadata.is_dir() {
            walk_folder(root, &path, ignored, visit)?;
        }
    }
    Ok(())
}

/// The content id of the application in `root`, whether or not it could be made an archive of: links
/// may lead anywhere and are not followed, sockets, pipes and devices do not count.
pub fn identify(root: &Path) -> Result<ContentId, Error> {
    let mut hasher = ContentHasher::new();
    walk(root, &mut |found| {
        let kind = found.metadata.file_type();
        if kind.is_dir() {
            hasher.folder(found.name());
        } else if kind.is_symlink() {
            hasher.link(found.name(), &found.link_target()?);
        } else if kind.is_file() {
            hasher.file(found.name(), found.is_executable(), hash_of(found)?);
        }
        Ok(())
    })?;
    Ok(hasher.finish())
}

fn hash_of(found: &Found<'_>) -> Result<blake3::Hash, Error> {
    let mut file = found.open()?;
    let mut hasher = blake3::Hasher::new();
    chunks::each(
        &mut file,
        |error| Error::io("read", &found.place)(error),
        |chunk| {
            hasher.update(chunk);
            Ok(())
        },
    )?;
    Ok(hasher.finalize())
}
