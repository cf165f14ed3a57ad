//! Zip files, as strictly as they can be read without refusing what tools write.
//!
//! A zip says most things twice, and readers differ in which they believe. Here both must agree, the
//! file must consist of its entries and their directory without gaps, and each content must have
//! exactly the size and checksum that was told.

mod directory;
mod record;

use crate::decompress::damage;
use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::window::Window;
use directory::Member;
use flate2::Crc;
use std::fs::File;
use std::io::{self, BufReader, Read};

/// Gives all entries to `sink`.
pub(crate) fn read(file: &File, limits: &Limits, sink: &mut dyn Receive) -> Result<(), Error> {
    for member in directory::read(file, limits)? {
        read_member(file, &member, limits, sink)?;
    }
    Ok(())
}

fn read_member(
    file: &File,
    member: &Member,
    limits: &Limits,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let mut content = Content::open(file, member)?;
    let kind = match member.kind {
        directory::Kind::Folder => EntryKind::Folder,
        directory::Kind::File { executable } => EntryKind::File { executable, bytes: member.bytes },
        directory::Kind::Link => {
            let mut target = Vec::new();
            let most = limits.path_bytes_max as u64 + 1;
            content.by_ref().take(most).read_to_end(&mut target).map_err(Error::read)?;
            EntryKind::Link { target }
        }
    };
    let entry = Entry { path: member.path.clone(), kind };
    sink.receive(&entry, &mut content)?;
    content.check(member)
}

/// The uncompressed bytes of a member.
struct Content<'a> {
    plain: Plain<'a>,
    name: &'static str,
    crc: Crc,
    bytes: u64,
}

/// With the compressed stream in reach, to see that it ends where it should.
enum Plain<'a> {
    Stored(BufReader<Window<'a>>),
    Deflated(flate2::bufread::DeflateDecoder<BufReader<Window<'a>>>),
    Bzipped(bzip2::bufread::BzDecoder<BufReader<Window<'a>>>),
}

impl<'a> Content<'a> {
    fn open(file: &'a File, member: &Member) -> Result<Self, Error> {
        let window = BufReader::new(Window::new(file, member.data_at, member.packed_bytes));
        let (plain, name) = match member.method {
            0 => (Plain::Stored(window), "no format"),
            8 => (Plain::Deflated(flate2::bufread::DeflateDecoder::new(window)), "deflate"),
            12 => (Plain::Bzipped(bzip2::bufread::BzDecoder::new(window)), "bzip2"),
            method => return Err(Fault::Method(method).at_bytes(&member.path).into()),
        };
        Ok(Self { plain, name, crc: Crc::new(), bytes: 0 })
    }

    /// After the sink has read to the end.
    fn check(mut self, member: &Member) -> Result<(), Error> {
        let refuse = |fault: Fault| Err(Error::Refused(fault.at_bytes(&member.path)));
        // Nobody reads a folder, whose content is the compressed form of nothing.
        self.read(&mut [0]).map_err(Error::read)?;
        if self.bytes != member.bytes {
            return refuse(Fault::HeadersDisagree("size"));
        }
        if self.crc.sum() != member.crc {
            return refuse(Fault::Checksum("an entry"));
        }
        let rest = match &mut self.plain {
            Plain::Stored(rest) => rest,
            Plain::Deflated(decoder) => decoder.get_mut(),
            Plain::Bzipped(decoder) => decoder.get_mut(),
        };
        match rest.read(&mut [0]).map_err(Error::read)? {
            0 => Ok(()),
            _ => refuse(Fault::TrailingBytes),
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.plain {
            Plain::Stored(plain) => plain.read(buffer),
            Plain::Deflated(plain) => plain.read(buffer),
            Plain::Bzipped(plain) => plain.read(buffer),
        };
        let read = read.map_err(|error| damage(self.name, error))?;
        self.crc.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
