//! One entry on its way from an archive to a folder.

use crate::error::Error;
use std::io::Read;

/// An entry as its archive tells it; nothing of it is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Without a slash at its end.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: EntryKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Folder,
    File { executable: bool, bytes: u64 },
    Link { target: Vec<u8> },
}

/// Where entries go. `content` yields the bytes of a file, and must be read to its end.
pub(crate) trait Receive {
    fn receive(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), Error>;
}
