//! The signed envelope around a payload.
//!
//! ```text
//! magic 8 · version u16 · header length u16 · header (postcard) · key id 8 · signature 64 · payload
//! ```
//! Numbers are little-endian. The signature covers everything before it, after a prefix that no other
//! signed message begins with. The payload reaches to the end; its length and hash are in the header.

use crate::content::ContentId;
use crate::error::Error;
use crate::key::{DeployKey, KeyId};
use crate::rejected::Rejected;
use protocol::AppName;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// Begins every envelope. A byte that is no ASCII, and both line ends, show transfers as text.
const MAGIC: [u8; 8] = *b"\x89APSR\r\n\x1a";
const VERSION: u16 = 1;
/// What is signed begins with this.
const DOMAIN: &[u8] = b"appserver release envelope 1\0";

const PREAMBLE_BYTES: usize = 12;
/// Largest header, in bytes.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Longest name of a deployer, in bytes.
pub const DEPLOYER_BYTES_MAX: usize = 256;
/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 4096;

/// What the deployer signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub app: AppName,
    /// Grows with each deploy of the application, also when it brings older code back.
    pub number: u64,
    pub content: ContentId,
    pub payload_bytes: u64,
    /// blake3 of the payload.
    pub payload_hash: [u8; 32],
    /// Milliseconds since 1970.
    pub signed_at_ms: u64,
    /// Who deployed, as they call themselves: `user@host`.
    pub deployer: String,
    pub note: String,
}

impl Header {
    /// The bytes of an envelope before its payload.
    pub fn seal(&self, key: &DeployKey) -> Result<Vec<u8>, Error> {
        self.check().map_err(Error::Label)?;
        let body = postcard::to_stdvec(self).map_err(|_| Error::Label("it cannot be encoded"))?;
        // The texts have limits of their own, the rest is a hundred bytes.
        assert!(body.len() <= HEADER_BYTES_MAX, "a header is bounded");
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&key.public("").id().0);
        let signature = key.sign(&[DOMAIN, &bytes].concat());
        bytes.extend_from_slice(&signature);
        Ok(bytes)
    }

    /// Whether an envelope can say this.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.app.is_any() {
            return Err("a release belongs to an application: name it");
        }
        if self.number == 0 {
            return Err("numbers of releases begin with 1");
        }
        if self.deployer.len() > DEPLOYER_BYTES_MAX || self.deployer.contains(char::is_control) {
            return Err("the deployer is one line of at most 256 bytes");
        }
        if self.note.len() > NOTE_BYTES_MAX {
            return Err("a note has at most 4096 bytes");
        }
        Ok(())
    }
}

/// An envelope that was read up to its payload; nothing in it is trusted yet.
pub(crate) struct Sealed {
    /// Prefix and all bytes that the signature covers.
    pub(crate) signed: Vec<u8>,
    pub(crate) key: KeyId,
    pub(crate) signature: [u8; 64],
    body: std::ops::Range<usize>,
}

impl Sealed {
    pub(crate) fn read(input: &mut impl Read) -> Result<Self, Rejected> {
        let mut preamble = [0; PREAMBLE_BYTES];
        fill(input, &mut preamble)?;
        let (magic, rest) = preamble.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Rejected::NotAnEnvelope);
        }
        let version = u16::from_le_bytes([rest[0], rest[1]]);
        if version != VERSION {
            return Err(Rejected::UnknownVersion { version });
        }
        let length = usize::from(u16::from_le_bytes([rest[2], rest[3]]));
        if length > HEADER_BYTES_MAX {
            return Err(Rejected::HeaderTooLong { bytes: length, max: HEADER_BYTES_MAX });
        }
        let mut signed = [DOMAIN, &preamble].concat();
        let body = signed.len()..signed.len() + length;
        signed.resize(body.end + 8, 0);
        fill(input, &mut signed[body.start..])?;
        let mut key = KeyId([0; 8]);
        key.0.copy_from_slice(&signed[body.end..]);
        let mut signature = [0; 64];
        fill(input, &mut signature)?;
        Ok(Self { signed, key, signature, body })
    }

    /// To be asked when the signature was found good: what strangers send is not parsed.
    pub(crate) fn header(&self) -> Result<Header, Rejected> {
        let decoded = postcard::take_from_bytes::<Header>(&self.signed[self.body.clone()]);
        let (header, rest) =
            decoded.map_err(|_| Rejected::MalformedHeader("it does not decode"))?;
        if !rest.is_empty() {
            return Err(Rejected::MalformedHeader("bytes follow it"));
        }
        header.check().map_err(Rejected::MalformedHeader)?;
        Ok(header)
    }
}

fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), Rejected> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Rejected::Truncated,
        _ => Rejected::Read(error),
    })
}
