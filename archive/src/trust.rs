//! The keys that a worker accepts releases from.

use crate::key::{KeyError, KeyId, PublicKey, cannot, read_text};
use std::path::Path;

/// Largest file of trusted keys, in bytes.
const TRUST_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Public keys, one a line in their file; empty lines and lines that begin with `#` are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    keys: Vec<PublicKey>,
}

impl TrustedKeys {
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys }
    }

    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let file = std::fs::File::open(path).map_err(cannot("open", path))?;
        Self::parse(&read_text(file, path, TRUST_FILE_BYTES_MAX)?)
    }

    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let in_line = |error| KeyError::Line { line: number + 1, error: Box::new(error) };
            keys.push(PublicKey::parse(line).map_err(in_line)?);
        }
        Ok(Self { keys })
    }

    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    pub fn find(&self, id: KeyId) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.id() == id)
    }
}
