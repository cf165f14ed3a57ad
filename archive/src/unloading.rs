//! Entries on their way into a folder: checked, written, hashed.

use crate::chunks;
use crate::content::{ContentHasher, ContentId};
use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::Fault;
use crate::inventory::{Inventory, Totals};
use crate::limits::Limits;
use crate::new_folder::NewFolder;
use std::fs::File;
use std::io::{Read, Write};

pub(crate) struct Unloading {
    inventory: Inventory,
    hasher: ContentHasher,
    /// None to look at an archive without unpacking it.
    folder: Option<NewFolder>,
}

/// What came in.
pub(crate) struct Unloaded {
    pub(crate) totals: Totals,
    /// Meaningful when the entries came in canonical order.
    pub(crate) content: ContentId,
    pub(crate) folder: Option<NewFolder>,
}

impl Unloading {
    pub(crate) fn new(limits: &Limits, folder: Option<NewFolder>) -> Self {
        Self { inventory: Inventory::new(limits), hasher: ContentHasher::new(), folder }
    }

    pub(crate) fn close(self) -> Result<Unloaded, Error> {
        let totals = self.inventory.close()?;
        Ok(Unloaded { totals, content: self.hasher.finish(), folder: self.folder })
    }
}

impl Receive for Unloading {
    fn receive(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), Error> {
        match &entry.kind {
            EntryKind::Folder => {
                let path = self.inventory.folder(&entry.path)?;
                self.hasher.folder(&entry.path);
                self.folder.as_mut().map_or(Ok(()), |folder| folder.folder(path))
            }
            EntryKind::Link { target } => {
                let (path, target) = self.inventory.link(&entry.path, target)?;
                self.hasher.link(path.as_bytes(), target.as_bytes());
                if let Some(folder) = &mut self.folder {
                    folder.link(path, target);
                }
                Ok(())
            }
            EntryKind::File { executable, bytes } => {
                let path = self.inventory.file(&entry.path, *bytes)?;
                let file = match &mut self.folder {
                    Some(folder) => Some(folder.file(path, *executable)?),
                    None => None,
                };
                let hash = copy(content, *bytes, file, path)?;
                self.hasher.file(path.as_bytes(), *executable, hash);
                Ok(())
            }
        }
    }
}

/// Copies exactly `bytes` bytes, and sees that `content` ends there.
fn copy(
    content: &mut dyn Read,
    bytes: u64,
    mut file: Option<File>,
    path: &str,
) -> Result<blake3::Hash, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut left = bytes;
    chunks::each(content, Error::read, |chunk| {
        left = left.checked_sub(chunk.len() as u64).ok_or_else(|| Fault::TrailingBytes.at(path))?;
        hasher.update(chunk);
        file.as_mut().map_or(Ok(()), |file| file.write_all(chunk)).map_err(Error::Write)
    })?;
    if left > 0 {
        return Err(Fault::Truncated.at(path).into());
    }
    Ok(hasher.finalize())
}
