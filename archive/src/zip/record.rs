//! The records of a zip file (APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.9, 4.3.12, 4.3.16).

use crate::fault::Fault;

pub(crate) const LOCAL_BYTES: usize = 30;
pub(crate) const CENTRAL_BYTES: usize = 46;
pub(crate) const END_BYTES: usize = 22;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;

const ENCRYPTED: u16 = 1;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;
const MASKED: u16 = 1 << 13;
/// Sizes and checksum follow the content.
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Says that a number stands in a zip64 record.
const ELSEWHERE: u32 = u32::MAX;

/// What both headers of an entry tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Common {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) packed_bytes: u32,
    pub(crate) bytes: u32,
    pub(crate) name_bytes: u16,
    pub(crate) extra_bytes: u16,
}

/// An entry's header in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Central {
    pub(crate) common: Common,
    pub(crate) made_on: u8,
    pub(crate) comment_bytes: u16,
    pub(crate) attributes: u32,
    pub(crate) local_at: u32,
}

/// The record at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) entries: u16,
    pub(crate) directory_bytes: u32,
    pub(crate) directory_at: u32,
    pub(crate) comment_bytes: u16,
}

impl Common {
    /// From the 22 bytes that both headers share.
    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let common = Self {
            flags: u16_at(bytes, 0),
            method: u16_at(bytes, 2),
            crc: u32_at(bytes, 8),
            packed_bytes: u32_at(bytes, 12),
            bytes: u32_at(bytes, 16),
            name_bytes: u16_at(bytes, 20),
            extra_bytes: u16_at(bytes, 22),
        };
        if common.flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED) != 0 {
            return Err(Fault::Encrypted);
        }
        if common.packed_bytes == ELSEWHERE || common.bytes == ELSEWHERE {
            return Err(Fault::Zip64);
        }
        Ok(common)
    }

    /// The header before an entry's content.
    pub(crate) fn parse_local(bytes: &[u8]) -> Result<Self, Fault> {
        if u32_at(bytes, 0) != LOCAL {
            return Err(Fault::Malformed("no header where the directory tells of an entry"));
        }
        Self::parse(&bytes[6..])
    }

    pub(crate) fn has_descriptor(&self) -> bool {
        self.flags & HAS_DESCRIPTOR != 0
    }

    /// Whether `bytes` are the descriptor of this entry: with or without a signature.
    pub(crate) fn is_descriptor(&self, bytes: &[u8]) -> bool {
        let numbers = [self.crc, self.packed_bytes, self.bytes].map(u32::to_le_bytes).concat();
        bytes == numbers || bytes == [&DESCRIPTOR.to_le_bytes()[..], &numbers].concat()
    }

    /// What the header before the content says otherwise than this one, of the directory.
    pub(crate) fn difference(&self, local: &Self) -> Option<&'static str> {
        let sizes = |common: &Self| (common.packed_bytes, common.bytes);
        let left_out = local.has_descriptor() && local.crc == 0 && sizes(local) == (0, 0);
        if self.flags != local.flags {
            Some("flags")
        } else if self.method != local.method {
            Some("method")
        } else if self.name_bytes != local.name_bytes {
            Some("name")
        } else if left_out {
            None
        } else if sizes(self) != sizes(local) {
            Some("size")
        } else if self.crc != local.crc {
            Some("checksum")
        } else {
            None
        }
    }
}

impl Central {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if u32_at(bytes, 0) != CENTRAL {
            return Err(Fault::Malformed("an entry of the zip's directory"));
        }
        let central = Self {
            made_on: bytes[5],
            common: Common::parse(&bytes[8..])?,
            comment_bytes: u16_at(bytes, 32),
            attributes: u32_at(bytes, 38),
            local_at: u32_at(bytes, 42),
        };
        if central.local_at == ELSEWHERE {
            return Err(Fault::Zip64);
        }
        if u16_at(bytes, 34) != 0 {
            return Err(Fault::Malformed("a zip of several volumes"));
        }
        Ok(central)
    }
}

impl End {
    /// None when no such record is there.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        if u32_at(bytes, 0) != END {
            return Ok(None);
        }
        let end = Self {
            entries: u16_at(bytes, 10),
            directory_bytes: u32_at(bytes, 12),
            directory_at: u32_at(bytes, 16),
            comment_bytes: u16_at(bytes, 20),
        };
        if end.entries == u16::MAX
            || end.directory_bytes == ELSEWHERE
            || end.directory_at == ELSEWHERE
        {
            return Err(Fault::Zip64);
        }
        if u16_at(bytes, 4) != 0 || u16_at(bytes, 6) != 0 || u16_at(bytes, 8) != end.entries {
            return Err(Fault::Malformed("a zip of several volumes"));
        }
        Ok(Some(end))
    }
}

/// The caller has as many bytes as the record is long.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
