//! The bytes to decode, front to back, never past the end.

use crate::error::{Cause, Fault};

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What is left, without taking it.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Takes `count` bytes of the [`Self::rest`].
    #[inline]
    pub(super) fn skip(&mut self, count: usize) {
        self.at = self.bytes.len().min(self.at + count);
    }

    #[cold]
    pub(super) fn malformed(&self, reason: &'static str) -> Fault {
        Fault::new(Cause::Malformed(self.at, reason))
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let Some(byte) = self.bytes.get(self.at) else {
            return Err(self.malformed("the end is missing"));
        };
        self.at += 1;
        Ok(*byte)
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..count) else {
            return Err(self.malformed("the end is missing"));
        };
        self.at += count;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Fault> {
        match self.bytes[self.at..].first_chunk::<BYTES>() {
            Some(chunk) => {
                self.at += BYTES;
                Ok(*chunk)
            }
            None => Err(self.malformed("the end is missing")),
        }
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        self.long_varint(first)
    }

    fn long_varint(&mut self, first: u8) -> Result<u64, Fault> {
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            // The tenth byte has room for one bit.
            if shift > 63 || (shift == 63 && byte > 1) {
                return Err(self.malformed("number of more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// A number of things of at least `bytes_each` bytes, so no more than there are bytes left.
    #[inline]
    pub(super) fn count(&mut self, bytes_each: usize) -> Result<usize, Fault> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count > self.remaining() / bytes_each {
            return Err(self.malformed("count beyond the end"));
        }
        Ok(count)
    }

    /// A number that names one of `known` things met before.
    #[inline]
    pub(super) fn number(&mut self, known: usize) -> Result<usize, Fault> {
        let number = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if number >= known {
            return Err(self.malformed("reference to something that did not come before"));
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::output::put_varint;

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.remaining(), 0);
        }
    }

    #[test]
    fn overlong_and_cut_varints_are_refused() {
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
        assert!(Reader::new(&[0x80; 4]).varint().is_err());
        assert!(Reader::new(&[]).varint().is_err());
    }

    #[test]
    fn a_count_is_bounded_by_what_is_left() {
        assert!(Reader::new(&[3, 0, 0]).count(1).is_err());
        assert_eq!(Reader::new(&[2, 0, 0]).count(1), Ok(2));
        assert!(Reader::new(&[2, 0, 0]).count(8).is_err());
    }
}
