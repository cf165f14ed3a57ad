//! A copy of a folder as it is now, for releases that no archive brings: what is edited while it is
//! served must not be what is served.

use crate::chunks;
use crate::content::{ContentHasher, ContentId};
use crate::error::Error;
use crate::fault::Fault;
use crate::folder::{Found, walk};
use crate::new_folder::NewFolder;
use crate::path;
use std::io::{self, Write};
use std::path::Path;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub content: ContentId,
    /// Files, folders and links.
    pub entries: u64,
    pub bytes: u64,
}

/// Copies the application in `root` into the new, read-only folder `into`; its content is that of the
/// copy, whatever happens to the original meanwhile. Links that lead out of `root` lead to the same
/// place from the copy; sockets, pipes and devices are left out. Nothing is left behind after an error.
pub fn snapshot(root: &Path, into: &Path) -> Result<Snapshot, Error> {
    let mut copy =
        Copy { root, hasher: ContentHasher::new(), into: NewFolder::create(into, true)? };
    let (mut entries, mut bytes) = (0, 0);
    walk(root, &mut |found| {
        entries += 1;
        bytes += copy.add(found)?;
        Ok(())
    })?;
    copy.into.finish(false)?;
    Ok(Snapshot { content: copy.hasher.finish(), entries, bytes })
}

/// Shows `visit` the folder of the application in `root` and every folder in it, below `root`, each
/// before what lies in it is looked at; not those that are ignored.
pub fn each_folder(
    root: &Path,
    visit: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> Result<(), Error> {
    let mut show = |path: &Path| visit(path).map_err(Error::io("watch", &root.join(path)));
    show(Path::new(""))?;
    walk(root, &mut |found| match found.metadata.is_dir() {
        true => show(found.path),
        false => Ok(()),
    })
}

struct Copy<'a> {
    root: &'a Path,
    hasher: ContentHasher,
    into: NewFolder,
}

impl Copy<'_> {
    /// The bytes that it took.
    fn add(&mut self, found: &Found<'_>) -> Result<u64, Error> {
        let kind = found.metadata.file_type();
        let path = found.path.to_str().ok_or_else(|| Fault::NotUtf8.at_bytes(found.name()))?;
        if kind.is_dir() {
            self.hasher.folder(found.name());
            self.into.folder(path)?;
        } else if kind.is_symlink() {
            let target = found.link_target()?;
            self.hasher.link(found.name(), &target);
            let target = String::from_utf8(target);
            let target = target.map_err(|_| Fault::NotUtf8.at_bytes(found.name()))?;
            self.into.link(path, &self.target_from_copy(path, target));
        } else if kind.is_file() {
            return self.copy_file(found, path);
        }
        Ok(0)
    }

    fn copy_file(&mut self, found: &Found<'_>, path: &str) -> Result<u64, Error> {
        let mut file = found.open()?;
        let mut copy = self.into.file(path, found.is_executable())?;
        let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
        chunks::each(
            &mut file,
            |error| Error::io("read", &found.place)(error),
            |chunk| {
                hasher.update(chunk);
                bytes += chunk.len() as u64;
                copy.write_all(chunk).map_err(Error::io("copy", &found.place))
            },
        )?;
        self.hasher.file(found.name(), found.is_executable(), hasher.finalize());
        Ok(bytes)
    }

    /// The target that leads to the same place from the copy: a relative one does, unless it leaves the
    /// folder by its spelling.
    fn target_from_copy(&self, path: &str, target: String) -> String {
        let folder = path::parent(path);
        let mut depth = folder.split('/').filter(|name| !name.is_empty()).count();
        for name in target.split('/') {
            match name {
                ".." if depth == 0 => {
                    return self.root.join(folder).join(&target).display().to_string();
                }
                ".." => depth -= 1,
                "" | "." => {}
                _ => depth += 1,
            }
        }
        target
    }
}
