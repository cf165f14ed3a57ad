//! The manifest of a PHAR (PHP manual, "Phar Manifest Format"). Numbers are little-endian u32.

use crate::error::Error;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::window::read_at;
use std::fs::File;

/// Largest manifest, in bytes: some hundred thousand entries.
const MANIFEST_BYTES_MAX: u32 = 32 * 1024 * 1024;

const HAS_SIGNATURE: u32 = 0x0001_0000;
const MODE: u32 = 0x0000_01ff;
const COMPRESSION: u32 = 0x0000_f000;
const DEFLATE: u32 = 0x0000_1000;
const BZIP2: u32 = 0x0000_2000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) members: Vec<Member>,
    pub(crate) contents_at: u64,
    pub(crate) has_signature: bool,
}

/// Contents follow the manifest in the order of their entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Without a slash at its end.
    pub(crate) path: Vec<u8>,
    pub(crate) is_folder: bool,
    pub(crate) executable: bool,
    pub(crate) bytes: u32,
    pub(crate) packed_bytes: u32,
    pub(crate) crc: u32,
    pub(crate) compressed: Compressed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compressed {
    No,
    Deflate,
    Bzip2,
}

impl Manifest {
    pub(crate) fn read(file: &File, at: u64, limits: &Limits) -> Result<Self, Error> {
        let length = read_at(file, at, 4)?;
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        if length > MANIFEST_BYTES_MAX {
            return Err(Fault::Malformed("a manifest that is too long").overall().into());
        }
        let bytes = read_at(file, at + 4, length as usize)?;
        let contents_at = at + 4 + u64::from(length);
        let mut fields = Fields { rest: &bytes };
        let manifest = fields.manifest(contents_at, limits).map_err(Fault::overall)?;
        Ok(manifest)
    }

    /// Where the contents end, and the signature begins.
    pub(crate) fn contents_end(&self) -> u64 {
        let packed = self.members.iter().map(|member| u64::from(member.packed_bytes));
        self.contents_at + packed.sum::<u64>()
    }

    pub(crate) fn unpacked_bytes(&self) -> u64 {
        self.members.iter().map(|member| u64::from(member.bytes)).sum()
    }
}

struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn manifest(&mut self, contents_at: u64, limits: &Limits) -> Result<Manifest, Fault> {
        let entries = self.number()?;
        if u64::from(entries) > limits.entries_max {
            return Err(Fault::TooManyEntries { max: limits.entries_max });
        }
        let _version = self.take(2)?;
        let flags = self.number()?;
        let _alias = self.counted()?;
        let _metadata = self.counted()?;
        let mut members = Vec::new();
        for _ in 0..entries {
            members.push(self.member()?);
        }
        if !self.rest.is_empty() {
            return Err(Fault::Malformed("bytes after the last entry of the manifest"));
        }
        Ok(Manifest { members, contents_at, has_signature: flags & HAS_SIGNATURE != 0 })
    }

    fn member(&mut self) -> Result<Member, Fault> {
        let name = self.counted()?;
        let bytes = self.number()?;
        let _changed_at = self.number()?;
        let packed_bytes = self.number()?;
        let crc = self.number()?;
        let flags = self.number()?;
        let _metadata = self.counted()?;
        let compressed = match flags & COMPRESSION {
            0 => Compressed::No,
            DEFLATE => Compressed::Deflate,
            BZIP2 => Compressed::Bzip2,
            _ => return Err(Fault::Malformed("an entry of unknown compression")),
        };
        let path = name.strip_suffix(b"/");
        if path.is_some() && (bytes != 0 || packed_bytes != 0) {
            return Err(Fault::Malformed("a folder with content"));
        }
        Ok(Member {
            path: path.unwrap_or(name).to_vec(),
            is_folder: path.is_some(),
            executable: flags & MODE & 0o100 != 0,
            bytes,
            packed_bytes,
            crc,
            compressed,
        })
    }

    fn counted(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.number()?;
        self.take(length as usize)
    }

    fn number(&mut self) -> Result<u32, Fault> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Fault> {
        let ends_early = Fault::Malformed("a manifest that ends too early");
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(ends_early)?;
        self.rest = rest;
        Ok(taken)
    }
}
