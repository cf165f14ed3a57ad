//! Decompression that stops before it fills a disk.

use crate::fault::{Fault, Refusal};
use crate::limits::Limits;
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Bzip2,
    Zstd,
}

/// Largest window of zstd that is accepted, as a power of two: what its own tool accepts, 128 MiB.
const WINDOW_LOG_MAX: u32 = 27;

/// The content of a compressed stream, within the limits on size and ratio.
pub(crate) fn decompress<'a>(
    compression: Compression,
    input: impl Read + 'a,
    limits: &Limits,
) -> io::Result<Box<dyn Read + 'a>> {
    let packed = Rc::new(Cell::new(0));
    let input = BufReader::new(Counted { input, count: packed.clone() });
    let (name, plain): (_, Box<dyn Read + 'a>) = match compression {
        Compression::None => ("no format", Box::new(input)),
        Compression::Gzip => ("gzip", Box::new(flate2::bufread::MultiGzDecoder::new(input))),
        Compression::Bzip2 => ("bzip2", Box::new(bzip2::bufread::MultiBzDecoder::new(input))),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(input)?;
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            ("zstd", Box::new(decoder))
        }
    };
    Ok(Box::new(Watched::new(plain, name, packed, limits)))
}

/// Counts the bytes that pass.
pub(crate) struct Counted<R> {
    pub(crate) input: R,
    pub(crate) count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Decompressed bytes on their way: watches sizes, and tells damage from failures of the disk.
pub(crate) struct Watched<R> {
    pub(crate) plain: R,
    name: &'static str,
    packed: Rc<Cell<u64>>,
    unpacked: u64,
    limits: Limits,
}

impl<R> Watched<R> {
    pub(crate) fn new(
        plain: R,
        name: &'static str,
        packed: Rc<Cell<u64>>,
        limits: &Limits,
    ) -> Self {
        Self { plain, name, packed, unpacked: 0, limits: limits.clone() }
    }

    fn check(&self) -> Result<(), Fault> {
        let packed = self.packed.get();
        if packed > self.limits.archive_bytes_max {
            return Err(Fault::ArchiveTooLarge {
                bytes: packed,
                max: self.limits.archive_bytes_max,
            });
        }
        if self.unpacked > self.limits.tar_bytes_max() {
            return Err(Fault::TooManyBytes { max: self.limits.bytes_max });
        }
        if self.limits.is_bomb(self.unpacked, packed) {
            return Err(Fault::Bomb { max: self.limits.ratio_max });
        }
        Ok(())
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer).map_err(|error| damage(self.name, error))?;
        self.unpacked += read as u64;
        self.check().map_err(|fault| io::Error::other(fault.overall()))?;
        Ok(read)
    }
}

/// Decoders report damage as errors of their own; the system's have a number.
pub(crate) fn damage(name: &'static str, error: io::Error) -> io::Error {
    let known = error.get_ref().is_some_and(|inner| inner.is::<Refusal>());
    let of_system = error.raw_os_error().is_some();
    match error.kind() {
        _ if known || of_system => error,
        io::ErrorKind::Interrupted => error,
        io::ErrorKind::UnexpectedEof => io::Error::other(Fault::Truncated.overall()),
        _ => io::Error::other(Fault::Compression(name).overall()),
    }
}
