//! Writes tars in one spelling: the same entries give the same bytes.

use crate::entry::{Entry, EntryKind};
use crate::tar::extension::format_record;
use crate::tar::header::{BLOCK_BYTES, Header, padding};
use std::io::{self, Write};

pub(crate) struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(output: W) -> Self {
        Self { output }
    }

    /// Begins an entry. A file's content is then written to [`Writer::content`], and closed with
    /// [`Writer::end_content`].
    pub(crate) fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        self.output.write_all(&spelling(entry))
    }

    pub(crate) fn content(&mut self) -> &mut W {
        &mut self.output
    }

    pub(crate) fn end_content(&mut self, bytes: u64) -> io::Result<()> {
        self.output.write_all(&[0; BLOCK_BYTES][..padding(bytes)])
    }

    /// Writes the end of the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.output.write_all(&[0; 2 * BLOCK_BYTES])?;
        Ok(self.output)
    }
}

/// The header blocks of an entry.
pub(crate) fn spelling(entry: &Entry) -> Vec<u8> {
    let mut name = entry.path.clone();
    let (kind, mode, bytes, link) = match &entry.kind {
        EntryKind::Folder => {
            name.push(b'/');
            (b'5', 0o755, 0, Vec::new())
        }
        EntryKind::File { executable, bytes } => {
            (b'0', if *executable { 0o755 } else { 0o644 }, *bytes, Vec::new())
        }
        EntryKind::Link { target } => (b'2', 0o777, 0, target.clone()),
    };
    let header = Header { name, mode, bytes, kind, link };
    let mut spelling = Vec::new();
    if !header.fits() {
        spelling = long_names(&header);
    }
    spelling.extend_from_slice(&header.to_block());
    spelling
}

/// A pax header with both names.
fn long_names(header: &Header) -> Vec<u8> {
    let mut records = format_record("path", &header.name);
    if header.kind == b'2' {
        records.extend(format_record("linkpath", &header.link));
    }
    let own = Header {
        name: b"long".to_vec(),
        mode: 0o644,
        bytes: records.len() as u64,
        kind: b'x',
        link: Vec::new(),
    };
    let mut spelling = own.to_block().to_vec();
    spelling.extend(records);
    spelling.resize(spelling.len().next_multiple_of(BLOCK_BYTES), 0);
    spelling
}
