//! `.phar/`, in which PHARs that are tars or zips keep stub, alias, signature and metadata.

use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::Fault;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

const MAGIC_FOLDER: &[u8] = b".phar";
const SIGNATURE: &[u8] = b".phar/signature.bin";
/// Longest signature that is kept, in bytes; it would be one by a key.
const SIGNATURE_BYTES_MAX: u64 = 4096;

/// Passes on what does not lie in that folder. PHP lets nobody put files of an application there.
pub(crate) struct WithoutMagic<'a> {
    sink: &'a mut dyn Receive,
    /// How far the archive has been read, where that is known.
    position: Rc<Cell<u64>>,
    signature: Option<FoundSignature>,
}

/// The signature of a tar.
pub(crate) struct FoundSignature {
    /// Where its content begins.
    pub(crate) at: u64,
    pub(crate) content: Vec<u8>,
}

impl<'a> WithoutMagic<'a> {
    pub(crate) fn new(sink: &'a mut dyn Receive, position: Rc<Cell<u64>>) -> Self {
        Self { sink, position, signature: None }
    }

    pub(crate) fn signature(self) -> Option<FoundSignature> {
        self.signature
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
        let at = self.position.get();
        // One more than there should be, to see that there is not.
        let mut content = content.take(bytes.saturating_add(1));
        let mut kept = Vec::new();
        if entry.path == SIGNATURE {
            content
                .by_ref()
                .take(SIGNATURE_BYTES_MAX)
                .read_to_end(&mut kept)
                .map_err(Error::read)?;
        }
        let skipped = io::copy(&mut content, &mut io::sink()).map_err(Error::read)?;
        if skipped + kept.len() as u64 != bytes {
            return Err(Fault::Truncated.at_bytes(&entry.path).into());
        }
        if entry.path == SIGNATURE {
            self.signature = Some(FoundSignature { at, content: kept });
        }
        Ok(())
    }
}
