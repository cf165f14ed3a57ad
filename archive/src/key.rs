//! Keys by which deployers sign and workers trust.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rustix::rand::{GetRandomFlags, getrandom};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

const PRIVATE_PREFIX: &str = "appserver-deploy-key-1:";
const PUBLIC_PREFIX: &str = "appserver-deploy-pub-1:";
/// Names the hash by which keys get their ids.
const ID_CONTEXT: &str = "appserver deploy key id 1";
/// Largest file with a private key, in bytes: one line.
const PRIVATE_FILE_BYTES_MAX: u64 = 1024;

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} exists already; a key is never overwritten", .0.display())]
    Exists(PathBuf),
    #[error(
        "{} can be read by others (mode {mode:o}): run \"chmod 600 {}\", and make a new key if \
         others use this machine",
        path.display(), path.display()
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{} is no private key: it should be one line that begins with \"{PRIVATE_PREFIX}\"", .0.display())]
    NotPrivate(PathBuf),
    #[error("{} holds a public key; deploying takes the private one", .0.display())]
    PublicInstead(PathBuf),
    #[error(
        "this is a private key: workers are given the public one, and this one has now been seen"
    )]
    PrivateInstead,
    #[error("a public key begins with \"{PUBLIC_PREFIX}\"")]
    NotPublic,
    #[error("the key after \"{prefix}\" is not base64 of 32 bytes: was it copied whole?")]
    NotBase64 { prefix: &'static str },
    #[error("the key is not a point of the curve: was it altered?")]
    NotAPoint,
    #[error("the key is one of the few that verify nothing")]
    Weak,
    #[error("line {line}: {error}")]
    Line { line: usize, error: Box<KeyError> },
    #[error("{} has more than {max} bytes", path.display())]
    TooLarge { path: PathBuf, max: u64 },
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(io::Error),
}

/// Short name of a public key: a hash of it. Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A private key. Its memory is wiped when it is dropped.
pub struct DeployKey(SigningKey);

impl DeployKey {
    /// A new key, from the system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        let mut filled = 0;
        while filled < seed.len() {
            let got = getrandom(&mut seed[filled..], GetRandomFlags::empty());
            filled += got.map_err(|error| KeyError::NoRandomness(error.into()))?;
        }
        Ok(Self::from_seed(&seed))
    }

    /// The key that follows from 32 secret random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a key file, which nobody but its owner may be able to read.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let file = std::fs::File::open(path).map_err(cannot("open", path))?;
        let mode = file.metadata().map_err(cannot("read", path))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let text = Zeroizing::new(read_text(file, path, PRIVATE_FILE_BYTES_MAX)?);
        let line = text.trim();
        if line.starts_with(PUBLIC_PREFIX) {
            return Err(KeyError::PublicInstead(path.to_owned()));
        }
        let encoded = line.strip_prefix(PRIVATE_PREFIX);
        let encoded = encoded.ok_or_else(|| KeyError::NotPrivate(path.to_owned()))?;
        Ok(Self::from_seed(&Zeroizing::new(decode(encoded, PRIVATE_PREFIX)?)))
    }

    /// Writes the key to a new file that only its owner can read.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => cannot("make", path)(error),
        })?;
        let mut line = STANDARD.encode(Zeroizing::new(self.0.to_bytes()).as_slice());
        let written = writeln!(file, "{PRIVATE_PREFIX}{line}").and_then(|()| file.sync_all());
        line.zeroize();
        written.map_err(cannot("write", path))
    }

    /// The key that workers are given.
    pub fn public(&self, comment: &str) -> PublicKey {
        PublicKey { key: self.0.verifying_key(), comment: one_line(comment) }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for DeployKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeployKey({})", self.public("").id())
    }
}

/// The public half of a key, with whatever text followed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    comment: String,
}

impl PublicKey {
    /// Parses `appserver-deploy-pub-1:BASE64 comment`.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let line = line.trim();
        if line.starts_with(PRIVATE_PREFIX) {
            return Err(KeyError::PrivateInstead);
        }
        let rest = line.strip_prefix(PUBLIC_PREFIX).ok_or(KeyError::NotPublic)?;
        let (encoded, comment) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let bytes = decode(encoded, PUBLIC_PREFIX)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self { key, comment: one_line(comment) })
    }

    pub fn id(&self) -> KeyId {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        let [a, b, c, d, e, f, g, h, ..] =
            *hasher.update(self.key.as_bytes()).finalize().as_bytes();
        KeyId([a, b, c, d, e, f, g, h])
    }

    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Strict: a message and a key have one signature that others accept as well.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// The line that [`PublicKey::parse`] takes.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", STANDARD.encode(self.key.as_bytes()))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

fn decode(encoded: &str, prefix: &'static str) -> Result<[u8; 32], KeyError> {
    let bytes =
        Zeroizing::new(STANDARD.decode(encoded).map_err(|_| KeyError::NotBase64 { prefix })?);
    bytes.as_slice().try_into().map_err(|_| KeyError::NotBase64 { prefix })
}

fn one_line(comment: &str) -> String {
    comment.trim().replace(char::is_control, " ")
}

pub(crate) fn read_text(file: impl Read, path: &Path, bytes_max: u64) -> Result<String, KeyError> {
    let mut text = String::new();
    file.take(bytes_max + 1).read_to_string(&mut text).map_err(cannot("read", path))?;
    if text.len() as u64 > bytes_max {
        return Err(KeyError::TooLarge { path: path.to_owned(), max: bytes_max });
    }
    Ok(text)
}

pub(crate) fn cannot(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    move |source| KeyError::Io { doing, path: path.to_owned(), source }
}
