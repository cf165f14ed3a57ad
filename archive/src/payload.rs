//! The canonical archive: a tar in one spelling, compressed with zstd.

use crate::chunks;
use crate::content::{ContentHasher, ContentId};
use crate::decompress::{Counted, Watched};
use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::Fault;
use crate::folder::{Found, walk};
use crate::inventory::{Inventory, Totals};
use crate::limits::Limits;
use crate::tar;
use std::cell::Cell;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

/// More takes several times as long for a tenth less.
const LEVEL: i32 = 3;
/// Largest window that is accepted, as a power of two: [`LEVEL`] uses 2 MiB, and a worker need not
/// lend a stranger more memory than that.
const WINDOW_LOG_MAX: u32 = 21;

/// Writes everything in `root` that is not ignored.
pub(crate) fn pack(
    root: &Path,
    limits: &Limits,
    output: impl Write,
) -> Result<(ContentId, Totals), Error> {
    let encoder = zstd::Encoder::new(output, LEVEL).map_err(Error::Write)?;
    let mut packing = Packing {
        inventory: Inventory::new(limits),
        hasher: ContentHasher::new(),
        tar: tar::Writer::new(encoder),
    };
    walk(root, &mut |found| packing.add(found))?;
    let totals = packing.inventory.close()?;
    let encoder = packing.tar.finish().map_err(Error::Write)?;
    encoder.finish().map_err(Error::Write)?.flush().map_err(Error::Write)?;
    Ok((packing.hasher.finish(), totals))
}

struct Packing<W: Write> {
    inventory: Inventory,
    hasher: ContentHasher,
    tar: tar::Writer<W>,
}

impl<W: Write> Packing<W> {
    fn add(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let entry = Entry { path: found.name().to_vec(), kind: kind(found)? };
        match &entry.kind {
            EntryKind::Folder => {
                self.inventory.folder(&entry.path)?;
                self.hasher.folder(&entry.path);
                self.tar.begin(&entry).map_err(Error::Write)
            }
            EntryKind::Link { target } => {
                self.inventory.link(&entry.path, target)?;
                self.hasher.link(&entry.path, target);
                self.tar.begin(&entry).map_err(Error::Write)
            }
            EntryKind::File { executable, bytes } => {
                self.inventory.file(&entry.path, *bytes)?;
                self.tar.begin(&entry).map_err(Error::Write)?;
                let hash = self.add_content(found, *bytes)?;
                self.hasher.file(&entry.path, *executable, hash);
                self.tar.end_content(*bytes).map_err(Error::Write)
            }
        }
    }

    /// Exactly `bytes` bytes: the header with that number is written.
    fn add_content(&mut self, found: &Found<'_>, bytes: u64) -> Result<blake3::Hash, Error> {
        let mut file = found.open()?;
        let mut hasher = blake3::Hasher::new();
        let mut left = bytes;
        let changed = || Error::Changed(found.place.clone());
        let cannot = |error| Error::io("read", &found.place)(error);
        chunks::each(&mut file, cannot, |chunk| {
            left = left.checked_sub(chunk.len() as u64).ok_or_else(changed)?;
            hasher.update(chunk);
            self.tar.content().write_all(chunk).map_err(Error::Write)
        })?;
        if left > 0 {
            return Err(changed());
        }
        Ok(hasher.finalize())
    }
}

fn kind(found: &Found<'_>) -> Result<EntryKind, Error> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let kind = found.metadata.file_type();
    let refuse = |fault: Fault| Error::Refused(fault.at_bytes(found.name()));
    if kind.is_dir() {
        return Ok(EntryKind::Folder);
    }
    if kind.is_symlink() {
        return Ok(EntryKind::Link { target: found.link_target()? });
    }
    if kind.is_fifo() {
        return Err(refuse(Fault::Fifo));
    }
    if kind.is_socket() {
        return Err(refuse(Fault::Socket));
    }
    if !kind.is_file() {
        return Err(refuse(Fault::Device));
    }
    let mode = found.metadata.permissions().mode() & 0o7777;
    if mode & 0o7000 != 0 {
        return Err(refuse(Fault::SpecialBits { mode }));
    }
    Ok(EntryKind::File { executable: found.is_executable(), bytes: found.metadata.len() })
}

/// Gives all entries of a canonical archive to `sink`, and sees that nothing follows it.
pub(crate) fn unpack(
    input: impl Read,
    limits: &Limits,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let packed = Rc::new(Cell::new(0));
    let counted = BufReader::new(Counted { input, count: packed.clone() });
    let mut decoder = zstd::Decoder::with_buffer(counted).map_err(Error::read)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(Error::read)?;
    let mut plain = Watched::new(decoder, "zstd", packed, limits);
    tar::read(&mut plain, tar::Style::Canonical, sink)?;
    let mut rest = plain.plain.finish();
    match rest.read(&mut [0]).map_err(Error::read)? {
        0 => Ok(()),
        _ => Err(Fault::TrailingBytes.overall().into()),
    }
}
