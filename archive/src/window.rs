//! A part of a file, read without moving the file's position.

use crate::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

#[derive(Clone, Debug)]
pub(crate) struct Window<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Window<'a> {
    /// `bytes` bytes from `at` on, or those of them that exist.
    pub(crate) fn new(file: &'a File, at: u64, bytes: u64) -> Self {
        Self { file, at, end: at.saturating_add(bytes) }
    }

    pub(crate) fn whole(file: &'a File) -> Self {
        Self::new(file, 0, u64::MAX)
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// All of `bytes` bytes from `at` on; the caller has bounded their number.
pub(crate) fn read_at(file: &File, at: u64, bytes: usize) -> Result<Vec<u8>, Error> {
    let mut buffer = vec![0; bytes];
    file.read_exact_at(&mut buffer, at).map_err(Error::read)?;
    Ok(buffer)
}
