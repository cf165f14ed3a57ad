//! A release on a worker's side: verified, then unpacked.

use crate::envelope::{Header, Sealed};
use crate::error::Error;
use crate::fault::Fault;
use crate::inventory::Totals;
use crate::key::PublicKey;
use crate::limits::Limits;
use crate::new_folder::NewFolder;
use crate::payload;
use crate::policy::Policy;
use crate::rejected::Rejected;
use crate::trust::TrustedKeys;
use crate::unloading::Unloading;
use std::io::{self, Read};
use std::path::Path;

/// An envelope by a trusted key, for this application, newer than all before. Its payload is still to
/// be read.
#[derive(Debug)]
pub struct Verified<R> {
    header: Header,
    signer: PublicKey,
    payload: R,
}

/// How a release is laid down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacking {
    /// Whether everything is on disk before it counts as unpacked.
    pub durable: bool,
    /// Whether files and folders are for reading only, to their owner too.
    pub read_only: bool,
}

/// Reads an envelope up to its payload and judges it. `now_ms` is in milliseconds since 1970.
pub fn verify<R: Read>(
    mut envelope: R,
    trusted: &TrustedKeys,
    policy: &Policy,
    now_ms: u64,
) -> Result<Verified<R>, Rejected> {
    let sealed = Sealed::read(&mut envelope)?;
    let signer = trusted.find(sealed.key).ok_or(Rejected::UnknownKey(sealed.key))?;
    if !signer.verifies(&sealed.signed, &sealed.signature) {
        return Err(Rejected::BadSignature(sealed.key));
    }
    let header = sealed.header()?;
    policy.judge(&header, now_ms)?;
    Ok(Verified { header, signer: signer.clone(), payload: envelope })
}

impl<R: Read> Verified<R> {
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The key that signed it.
    pub fn signer(&self) -> &PublicKey {
        &self.signer
    }

    /// Unpacks the payload into `folder`, which must not exist yet. On any error it does not exist
    /// afterwards either. A process that is killed meanwhile leaves a part, so unpack beside the place
    /// and rename.
    pub fn unpack(self, folder: &Path, limits: &Limits, how: Unpacking) -> Result<Totals, Error> {
        let Self { header, mut payload, .. } = self;
        let mut signed = Hashed {
            input: payload.by_ref().take(header.payload_bytes),
            hasher: blake3::Hasher::new(),
            failed: false,
        };
        let new = NewFolder::create(folder, how.read_only)?;
        let mut unloading = Unloading::new(limits, Some(new));
        let unpacked = payload::unpack(&mut signed, limits, &mut unloading);
        // Whatever the archive was found to be: when its bytes are not those signed, that is the
        // cause, and its author is not to blame.
        match signed.rest() {
            Ok((left, hash)) if left == 0 && hash == header.payload_hash => unpacked?,
            Ok((0, _)) => return Err(Error::PayloadAltered),
            Ok(_) => return Err(Fault::Truncated.overall().into()),
            Err(error) => return Err(Error::Read(error)),
        }
        if payload.read(&mut [0]).map_err(Error::Read)? != 0 {
            return Err(Fault::TrailingBytes.overall().into());
        }
        let unloaded = unloading.close()?;
        if unloaded.content != header.content {
            return Err(Error::OtherContent);
        }
        if let Some(new) = unloaded.folder {
            new.finish(how.durable)?;
        }
        Ok(unloaded.totals)
    }
}

/// Hashes what is read.
struct Hashed<R> {
    input: io::Take<R>,
    hasher: blake3::Hasher,
    failed: bool,
}

impl<R: Read> Hashed<R> {
    /// Reads to the end; how many bytes are missing, and the hash of those that are not.
    fn rest(&mut self) -> io::Result<(u64, [u8; 32])> {
        if !self.failed {
            io::copy(self, &mut io::sink())?;
        }
        Ok((self.input.limit(), *self.hasher.finalize().as_bytes()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer).inspect_err(|_| self.failed = true)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
