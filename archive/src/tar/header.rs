//! One block of a tar that describes an entry (POSIX.1-1988 "ustar", and GNU's variant).

use crate::fault::Fault;

pub(crate) const BLOCK_BYTES: usize = 512;
pub(crate) type Block = [u8; BLOCK_BYTES];

const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const LINK: std::ops::Range<usize> = 157..257;
const MAGIC: std::ops::Range<usize> = 257..265;
const PREFIX: std::ops::Range<usize> = 345..500;

const MAGIC_POSIX: &[u8] = b"ustar\x0000";
const MAGIC_GNU: &[u8] = b"ustar  \0";
const MAGIC_NONE: &[u8] = &[0; 8];

/// The fields that matter; owners and times do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    pub(crate) kind: u8,
    pub(crate) link: Vec<u8>,
}

impl Header {
    pub(crate) fn parse(block: &Block) -> Result<Self, Fault> {
        if octal(&block[CHECKSUM])? != u64::from(checksum(block)) {
            return Err(Fault::Checksum("a tar header"));
        }
        let mut name = text(&block[NAME]).to_vec();
        match &block[MAGIC] {
            MAGIC_POSIX if block[PREFIX.start] != 0 => {
                name = [text(&block[PREFIX]), b"/", &name].concat();
            }
            MAGIC_POSIX | MAGIC_GNU | MAGIC_NONE => {}
            _ => return Err(Fault::Malformed("a tar header of an unknown variant")),
        }
        Ok(Self {
            name,
            mode: octal(&block[MODE])? as u32,
            bytes: octal(&block[SIZE])?,
            kind: block[TYPE],
            link: text(&block[LINK]).to_vec(),
        })
    }

    /// The one spelling that this program writes: no owner, no time, names cut to their fields.
    pub(crate) fn to_block(&self) -> Block {
        let mut block = [0; BLOCK_BYTES];
        put(&mut block, NAME, &self.name);
        put(&mut block, MODE, format!("{:07o}", self.mode).as_bytes());
        put(&mut block, 108..116, b"0000000");
        put(&mut block, 116..124, b"0000000");
        put(&mut block, SIZE, format!("{:011o}", self.bytes).as_bytes());
        put(&mut block, 136..148, b"00000000000");
        block[TYPE] = self.kind;
        put(&mut block, LINK, &self.link);
        put(&mut block, MAGIC, MAGIC_POSIX);
        let sum = checksum(&block);
        put(&mut block, CHECKSUM, format!("{sum:06o}\0 ").as_bytes());
        block
    }

    /// Whether name and target fit their fields.
    pub(crate) fn fits(&self) -> bool {
        self.name.len() <= NAME.len() && self.link.len() <= LINK.len()
    }
}

/// Bytes that fill up the last block of a content.
pub(crate) fn padding(bytes: u64) -> usize {
    (bytes.wrapping_neg() % BLOCK_BYTES as u64) as usize
}

fn put(block: &mut Block, field: std::ops::Range<usize>, value: &[u8]) {
    let length = value.len().min(field.len());
    block[field.start..field.start + length].copy_from_slice(&value[..length]);
}

/// With the field of the sum itself taken as spaces.
fn checksum(block: &Block) -> u32 {
    let counted =
        |(at, byte): (usize, &u8)| u32::from(if CHECKSUM.contains(&at) { b' ' } else { *byte });
    block.iter().enumerate().map(counted).sum()
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Digits, with spaces around and NULs after them. GNU's binary numbers are for sizes and owners
/// that no release has.
fn octal(field: &[u8]) -> Result<u64, Fault> {
    let malformed = Fault::Malformed("a number in a tar header");
    let digits = text(field).trim_ascii();
    if digits.iter().any(|digit| !(b'0'..=b'7').contains(digit)) {
        return Err(malformed);
    }
    let digits = str::from_utf8(digits).map_err(|_| malformed.clone())?;
    if digits.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(digits, 8).map_err(|_| malformed)
}
