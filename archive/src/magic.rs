//! Which kind of archive a file is, by its bytes and not by its name.

use crate::decompress::Compression;
use crate::tar::{BLOCK_BYTES, Block, Header};
use crate::window::Window;
use std::fs::File;
use std::io::{self, Read};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Zip,
    Tar,
    Phar { manifest_at: u64 },
}

/// How far the code before a PHAR's manifest may reach, in bytes.
const STUB_BYTES_MAX: u64 = 4 * 1024 * 1024;
const STUB_END: &[u8] = b"__HALT_COMPILER();";

pub(crate) fn compression(file: &File) -> io::Result<Compression> {
    Ok(match &beginning(file, 4)?[..] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9'] => Compression::Bzip2,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    })
}

pub(crate) fn format(file: &File) -> io::Result<Option<Format>> {
    let start = beginning(file, BLOCK_BYTES as u64)?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(Some(Format::Zip));
    }
    let block = Block::try_from(start.as_slice()).ok();
    if block.is_some_and(|block| block == [0; BLOCK_BYTES] || Header::parse(&block).is_ok()) {
        return Ok(Some(Format::Tar));
    }
    let stub = beginning(file, STUB_BYTES_MAX)?;
    Ok(manifest(&stub).map(|at| Format::Phar { manifest_at: at as u64 }))
}

fn beginning(file: &File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    Window::whole(file).take(bytes).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// Where the manifest begins: after the stub's end, a closing tag, and a line's end, as PHP has it.
fn manifest(stub: &[u8]) -> Option<usize> {
    let mut at = stub.windows(STUB_END.len()).position(|found| found == STUB_END)? + STUB_END.len();
    if let [b' ' | b'\n', b'?', b'>', ..] = stub[at..] {
        at += 3;
    }
    match stub[at..] {
        [b'\r', b'\n', ..] => Some(at + 2),
        [b'\n', ..] => Some(at + 1),
        _ => Some(at),
    }
}
