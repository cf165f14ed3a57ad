//! How much one encoding or decoding may use.

/// Arrays larger than this the engine itself refuses, by longjmp.
const TABLE_ELEMENTS_MAX: usize = 1 << 28;
/// Offsets into the output are kept in 32 bits.
const BYTES_MAX: usize = u32::MAX as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Encoded size in bytes; at most 4 GiB whatever is given.
    pub bytes_max: usize,
    /// Arrays and objects inside each other. 512 fit a stack of 2 MiB, even unoptimised.
    pub depth_max: u32,
    /// Elements and properties of all arrays and objects together; at most 2^28 whatever is given.
    pub elements_max: usize,
    /// Memory in bytes that decoding may allocate for values: a few bytes can stand for a whole
    /// object, so `bytes_max` alone would not bound it.
    pub memory_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 64 << 20, depth_max: 512, elements_max: 16 << 20, memory_max: 1 << 30 }
    }
}

impl Limits {
    /// The limits with the bounds of the format and the engine applied.
    pub(crate) fn bounded(self) -> Self {
        Self {
            bytes_max: self.bytes_max.min(BYTES_MAX),
            elements_max: self.elements_max.min(TABLE_ELEMENTS_MAX),
            ..self
        }
    }
}
