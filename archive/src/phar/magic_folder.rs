//! `.phar/`, in which PHARs that are tars or zips keep stub, alias, signature and metadata.

use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::Fault;
use std::io::{self, Read};

const MAGIC_FOLDER: &[u8] = b".phar";

/// Passes on what does not lie in that folder. PHP lets nobody put files of an application there.
pub(crate) struct WithoutMagic<'a> {
    sink: &'a mut dyn Receive,
}

impl<'a> WithoutMagic<'a> {
    pub(crate) fn new(sink: &'a mut dyn Receive) -> Self {
        Self { sink }
    }
}

impl Receive for WithoutMagic<'_> {
    fn receive(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), Error> {
        let below = entry.path.strip_prefix(MAGIC_FOLDER);
        if !below.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")) {
            return self.sink.receive(entry, content);
        }
        let bytes = match entry.kind {
            EntryKind::File { bytes, .. } => bytes,
            EntryKind::Folder | EntryKind::Link { .. } => 0,
        };
        // One more than there should be, to see that there is not.
        let skipped = io::copy(&mut content.take(bytes.saturating_add(1)), &mut io::sink());
        if skipped.map_err(Error::read)? != bytes {
            return Err(Fault::Truncated.at_bytes(&entry.path).into());
        }
        Ok(())
    }
}
