//! Secrets of remote callers. Only their hashes are kept, and comparing hashes takes the same time
//! wherever they differ.

use super::Error;
use super::directories::{make_private, write_file};
use crate::config::ConfigError;
use crate::config::daemon::Tcp;
use rustix::rand::GetRandomFlags;
use std::path::{Path, PathBuf};

/// Shortest secret accepted, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
/// Randomness of a secret made here, in bytes.
const TOKEN_BYTES_MADE: usize = 32;

/// The secrets that let a caller in.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(Vec<blake3::Hash>);

impl Tokens {
    /// From the file and the environment variable that the configuration names.
    pub(super) fn load(tcp: &Tcp) -> Result<Self, ConfigError> {
        let mut tokens = Self::default();
        if let Some(file) = &tcp.token_file {
            let text = std::fs::read_to_string(file).map_err(|error| {
                ConfigError::in_file(
                    file,
                    None,
                    format!("cannot be read (tcp.token_file): {error}"),
                )
            })?;
            for (line, number) in text.lines().zip(1..) {
                tokens
                    .add(line)
                    .map_err(|error| ConfigError::in_file(file, Some(number), error))?;
            }
        }
        if let Some(variable) = &tcp.token_env {
            let token = std::env::var(variable).map_err(|_| {
                ConfigError::new(format!("the variable {variable} (tcp.token_env) is not set"))
            })?;
            tokens.add(&token).map_err(|error| ConfigError::new(format!("{variable}: {error}")))?;
        }
        Ok(tokens)
    }

    /// The secret made by an earlier start, or now, so that TCP needs no preparation to be safe.
    /// A file that is written is added to `made`.
    pub(super) fn made(
        state_dir: &Path,
        made: &mut Vec<PathBuf>,
    ) -> Result<(Self, PathBuf), Error> {
        let file = state_dir.join("token");
        if !file.is_file() {
            make_private(state_dir)?;
            let mut secret = [0; TOKEN_BYTES_MADE];
            rustix::rand::getrandom(&mut secret, GetRandomFlags::empty())
                .map_err(|error| Error::start("a token cannot be made", error))?;
            let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            write_file(&file, &format!("{text}\n"), 0o600)?;
            made.push(file.clone());
        }
        let tcp = Tcp { token_file: Some(file.clone()), ..Tcp::default() };
        Ok((Self::load(&tcp)?, file))
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let token = line.trim();
        if token.is_empty() || token.starts_with('#') {
            return Ok(());
        }
        if token.len() < TOKEN_BYTES_MIN {
            return Err(format!(
                "a token has at least {TOKEN_BYTES_MIN} characters; make one with openssl rand -hex 32"
            ));
        }
        self.0.push(blake3::hash(token.as_bytes()));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is one of them.
    pub(super) fn accept(&self, token: Option<&str>) -> bool {
        let Some(token) = token else {
            return false;
        };
        let given = blake3::hash(token.as_bytes());
        // All of them are looked at: which one it is takes no different time either.
        self.0.iter().fold(false, |found, known| found | (*known == given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_tokens_lets_in_and_nothing_else_does() {
        let mut tokens = Tokens::default();
        for line in ["# staging", "", " 0123456789abcdef ", "fedcba9876543210"] {
            tokens.add(line).unwrap();
        }
        assert!(tokens.accept(Some("0123456789abcdef")));
        assert!(tokens.accept(Some("fedcba9876543210")));
        assert!(!tokens.accept(Some("# staging")));
        assert!(!tokens.accept(Some("")));
        assert!(!tokens.accept(None));
    }

    #[test]
    fn a_short_token_is_refused() {
        assert!(Tokens::default().add("secret").unwrap_err().contains("16"));
    }
}
