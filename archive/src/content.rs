//! The identity of a release: a hash of its files, so that the same code has the same id everywhere.

use protocol::ReleaseId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names the hash function and the form of what is hashed.
const CONTEXT: &str = "appserver release content 1";

/// A hash of the names, kinds, executable bits and contents of a tree's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentId([u8; 32]);

impl ContentId {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The short form by which calls name the release.
    pub fn release(self) -> ReleaseId {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        // 0 means "any release".
        ReleaseId(u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for ContentId {
    type Err = InvalidContentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidContentId);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidContentId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidContentId)?;
        }
        Ok(Self(bytes))
    }
}

/// Text that is no content id: 64 hexadecimal digits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content id is 64 hexadecimal digits")]
pub struct InvalidContentId;

/// Takes the entries of a tree in canonical order: each folder before what lies in it, names in the
/// order of their bytes.
pub(crate) struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    pub(crate) fn new() -> Self {
        Self(blake3::Hasher::new_derive_key(CONTEXT))
    }

    pub(crate) fn folder(&mut self, path: &[u8]) {
        self.field(b"d");
        self.field(path);
    }

    pub(crate) fn file(&mut self, path: &[u8], executable: bool, content: blake3::Hash) {
        self.field(if executable { b"x" } else { b"f" });
        self.field(path);
        self.field(content.as_bytes());
    }

    pub(crate) fn link(&mut self, path: &[u8], target: &[u8]) {
        self.field(b"l");
        self.field(path);
        self.field(target);
    }

    pub(crate) fn finish(&self) -> ContentId {
        ContentId(*self.0.finalize().as_bytes())
    }

    /// With its length, so that no two sequences of fields give the same bytes.
    fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_from_its_text_and_other_text_is_none() {
        let id = ContentId::from_bytes([0xa5; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "a5", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(text.parse::<ContentId>(), Err(InvalidContentId), "{text}");
        }
    }
}
