//! PHARs: PHP's own archives. Metadata, which PHP unserialises, is skipped without a look at it.

mod magic_folder;
mod manifest;
mod signature;

use crate::decompress::damage;
use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::window::Window;
use flate2::Crc;
use std::fs::File;
use std::io::{self, BufReader, Read};

pub(crate) use magic_folder::WithoutMagic;
pub(crate) use signature::check_tar;

use manifest::{Compressed, Manifest, Member};

/// Gives all entries of a PHAR in its own format to `sink`.
pub(crate) fn read(
    file: &File,
    manifest_at: u64,
    limits: &Limits,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let manifest = Manifest::read(file, manifest_at, limits)?;
    let file_bytes = file.metadata().map_err(Error::Read)?.len();
    signature::check(file, &manifest, file_bytes)?;
    if limits.is_bomb(manifest.unpacked_bytes(), file_bytes) {
        return Err(Fault::Bomb { max: limits.ratio_max }.overall().into());
    }
    let mut at = manifest.contents_at;
    for member in &manifest.members {
        read_member(file, at, member, sink)?;
        at += u64::from(member.packed_bytes);
    }
    Ok(())
}

fn read_member(file: &File, at: u64, member: &Member, sink: &mut dyn Receive) -> Result<(), Error> {
    let refuse = |fault: Fault| Err(Error::Refused(fault.at_bytes(&member.path)));
    let kind = match member.is_folder {
        true => EntryKind::Folder,
        false => EntryKind::File { executable: member.executable, bytes: member.bytes.into() },
    };
    let entry = Entry { path: member.path.clone(), kind };
    let window = BufReader::new(Window::new(file, at, member.packed_bytes.into()));
    let (plain, name): (Box<dyn Read + '_>, _) = match member.compressed {
        Compressed::No => (Box::new(window), "no format"),
        Compressed::Deflate => (Box::new(flate2::bufread::DeflateDecoder::new(window)), "deflate"),
        Compressed::Bzip2 => (Box::new(bzip2::bufread::BzDecoder::new(window)), "bzip2"),
    };
    let mut content = Checked { plain, name, crc: Crc::new() };
    sink.receive(&entry, &mut content)?;
    if !member.is_folder && content.crc.sum() != member.crc {
        return refuse(Fault::Checksum("an entry"));
    }
    Ok(())
}

/// Sums up what is read.
struct Checked<'a> {
    plain: Box<dyn Read + 'a>,
    name: &'static str,
    crc: Crc,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer).map_err(|error| damage(self.name, error))?;
        self.crc.update(&buffer[..read]);
        Ok(read)
    }
}
