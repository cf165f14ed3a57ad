//! A release on a deployer's side: built once, sealed for as many applications and numbers as wanted.

use crate::content::ContentId;
use crate::envelope::Header;
use crate::error::Error;
use crate::fault::Fault;
use crate::inventory::Totals;
use crate::key::DeployKey;
use crate::limits::Limits;
use crate::payload;
use crate::source::Source;
use crate::unloading::Unloading;
use crate::window::Window;
use protocol::{AppName, ReleaseId};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// What the application says of itself.
const MANIFEST: &str = "app.toml";
/// More of it is no configuration.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

/// An archive in a temporary file that is gone with this value.
#[derive(Debug)]
pub struct Built {
    payload: File,
    payload_bytes: u64,
    payload_hash: [u8; 32],
    content: ContentId,
    totals: Totals,
    manifest: Option<String>,
}

/// What a deployer says about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub app: AppName,
    /// Higher than all before.
    pub number: u64,
    /// Milliseconds since 1970.
    pub signed_at_ms: u64,
    /// `user@host`; one line.
    pub deployer: String,
    pub note: String,
}

/// Builds the archive of `source`, with temporary files in `scratch`. What a worker with the same
/// limits would refuse is refused here.
pub fn build(source: &Source, limits: &Limits, scratch: &Path) -> Result<Built, Error> {
    let staged = source.stage(limits, scratch)?;
    let file = tempfile::tempfile_in(scratch).map_err(Error::io("make a file in", scratch))?;
    let mut output =
        Hashing { output: BufWriter::new(file), hasher: blake3::Hasher::new(), bytes: 0 };
    let (content, totals) = payload::pack(staged.root(), limits, &mut output)?;
    let Hashing { output, hasher, bytes } = output;
    let file = output.into_inner().map_err(|error| Error::Write(error.into_error()))?;
    let max = limits.archive_bytes_max;
    if bytes > max {
        return Err(Fault::ArchiveTooLarge { bytes, max }.overall().into());
    }
    let payload_hash = *hasher.finalize().as_bytes();
    let manifest = manifest(staged.root());
    let built =
        Built { payload: file, payload_bytes: bytes, payload_hash, content, totals, manifest };
    built.read_back(limits)?;
    Ok(built)
}

/// The text of the `app.toml`, as far as it can be one.
fn manifest(root: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(root.join(MANIFEST)).ok()?;
    file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

impl Built {
    /// The text of its `app.toml`, if it has one.
    pub fn manifest(&self) -> Option<&str> {
        self.manifest.as_deref()
    }

    pub fn content(&self) -> ContentId {
        self.content
    }

    pub fn release(&self) -> ReleaseId {
        self.content.release()
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Of the archive, without its envelope.
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Writes the signed envelope, payload and all, and returns what was signed.
    pub fn seal(
        &self,
        label: Label,
        key: &DeployKey,
        output: &mut dyn Write,
    ) -> Result<Header, Error> {
        let header = Header {
            app: label.app,
            number: label.number,
            content: self.content,
            payload_bytes: self.payload_bytes,
            payload_hash: self.payload_hash,
            signed_at_ms: label.signed_at_ms,
            deployer: label.deployer,
            note: label.note,
        };
        output.write_all(&header.seal(key)?).map_err(Error::Write)?;
        let written = io::copy(&mut self.reader(), output).map_err(Error::Write)?;
        if written != self.payload_bytes {
            return Err(Fault::Truncated.overall().into());
        }
        Ok(header)
    }

    /// Reads the archive as a worker will: whatever made it, it is good.
    fn read_back(&self, limits: &Limits) -> Result<(), Error> {
        let mut unloading = Unloading::new(limits, None);
        payload::unpack(self.reader(), limits, &mut unloading)?;
        let unloaded = unloading.close()?;
        if unloaded.content != self.content {
            return Err(Error::OtherContent);
        }
        Ok(())
    }

    /// Without moving the file's position, so that one archive can be sealed twice at a time.
    fn reader(&self) -> Window<'_> {
        Window::whole(&self.payload)
    }
}

struct Hashing<W> {
    output: W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
