//! A log that several processes write and one reads: a file in memory, inherited by fork.

use crate::LogLine;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create, seek};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;

/// Most bytes kept of what is said while PHP starts.
const BYTES_MAX: u64 = 256 * 1024;
/// Ends a record; a C string has none inside.
const END: u8 = 0;

/// Records of a byte for the level, the text, and [`END`].
#[derive(Debug)]
pub(crate) struct StartLog(File);

impl StartLog {
    pub(crate) fn create() -> std::io::Result<Self> {
        Ok(Self(File::from(memfd_create("php-start-log", MemfdFlags::CLOEXEC)?)))
    }

    pub(crate) fn put(&self, line: &LogLine) {
        let mut file = &self.0;
        if file.stream_position().is_ok_and(|at| at < BYTES_MAX) {
            let level = u8::try_from(line.level).unwrap_or(u8::MAX);
            let record = [&[level], line.text.as_bytes(), &[END]].concat();
            // One write at the position that all processes share; a line is not worth more.
            let _ = file.write_all(&record);
        }
    }

    /// What was put so far.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        let mut file = &self.0;
        let mut bytes = Vec::new();
        let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
        let emptied = ftruncate(self.0.as_fd(), 0)
            .and_then(|()| seek(self.0.as_fd(), rustix::fs::SeekFrom::Start(0)));
        if read.is_err() || emptied.is_err() {
            return Vec::new();
        }
        let records = bytes.split(|byte| *byte == END);
        let line = |record: &[u8]| {
            let (level, text) = record.split_first()?;
            let text = String::from_utf8_lossy(text).into_owned();
            Some(LogLine { level: i32::from(*level), text })
        };
        records.filter_map(line).collect()
    }
}
