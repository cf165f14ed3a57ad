//! The hash at the end of a PHAR. It tells damage; who made a release is told by its envelope.

use crate::chunks;
use crate::error::Error;
use crate::fault::Fault;
use crate::phar::magic_folder::FoundSignature;
use crate::phar::manifest::Manifest;
use crate::tar::BLOCK_BYTES;
use crate::window::{Window, read_at};
use md5::Digest;
use std::fs::File;

/// Ends every signature: hash, type u32, this.
const END: &[u8] = b"GBMB";
const TAIL_BYTES: usize = 8;

/// Sees that the file ends after its contents, or after a signature that is right.
pub(crate) fn check(file: &File, manifest: &Manifest, file_bytes: u64) -> Result<(), Error> {
    let signed = manifest.contents_end();
    let Some(rest) = file_bytes.checked_sub(signed) else {
        return Err(Fault::Truncated.overall().into());
    };
    if !manifest.has_signature {
        return if rest == 0 { Ok(()) } else { Err(Fault::TrailingBytes.overall().into()) };
    }
    let hash_bytes = rest.checked_sub(TAIL_BYTES as u64);
    let hash_bytes = hash_bytes.ok_or_else(|| Fault::Truncated.overall())?;
    let tail = read_at(file, file_bytes - TAIL_BYTES as u64, TAIL_BYTES)?;
    if &tail[4..] != END {
        return Err(Fault::TrailingBytes.overall().into());
    }
    let kind = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    let Some(expected) = hash(file, signed, kind)? else {
        // A signature by a key, with its length before the type.
        return if (16..=4096).contains(&hash_bytes) {
            Ok(())
        } else {
            Err(Fault::TrailingBytes.overall().into())
        };
    };
    if hash_bytes != expected.len() as u64 {
        return Err(Fault::TrailingBytes.overall().into());
    }
    if read_at(file, signed, expected.len())? != expected {
        return Err(Fault::Checksum("the PHAR").overall().into());
    }
    Ok(())
}

/// Checks the hash of a PHAR that is a tar: type u32, length u32, hash, of all before its header.
pub(crate) fn check_tar(file: &File, found: &FoundSignature) -> Result<(), Error> {
    let malformed = || Fault::Malformed("a signature").overall();
    let (kind, rest) = found.content.split_first_chunk::<4>().ok_or_else(malformed)?;
    let (length, given) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
    if u32::from_le_bytes(*length) as usize != given.len() {
        return Err(malformed().into());
    }
    let signed = found.at.saturating_sub(BLOCK_BYTES as u64);
    match hash(file, signed, u32::from_le_bytes(*kind))? {
        Some(expected) if expected != given => Err(Fault::Checksum("the PHAR").overall().into()),
        _ => Ok(()),
    }
}

/// None for signatures by a key, which PHP checks against a file beside the PHAR.
fn hash(file: &File, bytes: u64, kind: u32) -> Result<Option<Vec<u8>>, Error> {
    match kind {
        0x01 => digest::<md5::Md5>(file, bytes).map(Some),
        0x02 => digest::<sha1::Sha1>(file, bytes).map(Some),
        0x03 => digest::<sha2::Sha256>(file, bytes).map(Some),
        0x04 => digest::<sha2::Sha512>(file, bytes).map(Some),
        0x10..=0x12 => Ok(None),
        _ => Err(Fault::Malformed("a signature of unknown type").overall().into()),
    }
}

fn digest<D: Digest>(file: &File, bytes: u64) -> Result<Vec<u8>, Error> {
    let mut digest = D::new();
    chunks::each(&mut Window::new(file, 0, bytes), Error::read, |chunk| {
        digest.update(chunk);
        Ok(())
    })?;
    Ok(digest.finalize().to_vec())
}
