//! What can go wrong in the engine.

use thiserror::Error;

/// A bailout: the engine gave the request up. What PHP said is in [`PhpError`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("PHP gave the request up: {0}")]
pub struct Bailout(pub PhpError);

/// The engine's last error in this request, as `error_get_last()` gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhpError {
    /// One of PHP's `E_` constants; 0 when there was none.
    pub kind: i32,
    pub message: Vec<u8>,
    pub file: String,
    pub line: u32,
}

impl std::fmt::Display for PhpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let message = String::from_utf8_lossy(&self.message);
        if self.file.is_empty() {
            return f.write_str(&message);
        }
        write!(f, "{message} in {}:{}", self.file, self.line)
    }
}

/// Why PHP did not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    #[error("PHP is already started in this process")]
    Twice,
    #[error("the ini entry {name} cannot be written: {reason}")]
    Ini { name: String, reason: &'static str },
    #[error("PHP did not start: {0}")]
    Failed(String),
}
