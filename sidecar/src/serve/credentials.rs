//! Secrets of remote callers, and of remote deployers. Only their hashes are kept, and comparing hashes takes the same time
//! wherever they differ.

use super::Error;
use super::directories::write_file;
use crate::config::ConfigError;
use crate::config::control::Control;
use crate::config::daemon::Tcp;
use rustix::rand::GetRandomFlags;
use std::path::{Path, PathBuf};

/// Shortest secret accepted, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
/// Randomness of a secret made here, in bytes.
const TOKEN_BYTES_MADE: usize = 32;

/// The secrets that let somebody in.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(Vec<Token>);

#[derive(Clone, Debug)]
struct Token {
    hash: blake3::Hash,
    /// Whose it is, for logs.
    name: String,
}

/// Where the configuration says that secrets are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// Section of the keys `token_file` and `token_env`.
    pub(super) section: &'static str,
    pub(super) file: Option<&'a Path>,
    pub(super) variable: Option<&'a str>,
}

impl<'a> Source<'a> {
    pub(super) fn of_callers(tcp: &'a Tcp) -> Self {
        let (file, variable) = (tcp.token_file.as_deref(), tcp.token_env.as_deref());
        Self { section: "tcp", file, variable }
    }

    pub(super) fn of_deployers(control: &'a Control) -> Self {
        let (file, variable) = (control.token_file.as_deref(), control.token_env.as_deref());
        Self { section: "control", file, variable }
    }
}

impl Tokens {
    /// From the file and the environment variable that the configuration names.
    pub(super) fn load(source: Source<'_>) -> Result<Self, ConfigError> {
        let (section, mut tokens) = (source.section, Self::default());
        if let Some(file) = source.file {
            let text = std::fs::read_to_string(file).map_err(|error| {
                let message = format!("cannot be read ({section}.token_file): {error}");
                ConfigError::in_file(file, None, message)
            })?;
            for (line, number) in text.lines().zip(1..) {
                tokens
                    .add(line)
                    .map_err(|error| ConfigError::in_file(file, Some(number), error))?;
            }
        }
        if let Some(variable) = source.variable {
            let token = std::env::var(variable).map_err(|_| {
                ConfigError::new(format!(
                    "the variable {variable} ({section}.token_env) is not set"
                ))
            })?;
            tokens.add(&token).map_err(|error| ConfigError::new(format!("{variable}: {error}")))?;
        }
        Ok(tokens)
    }

    /// The secret made in `file` by an earlier start, or now, so that TCP needs no preparation to be
    /// safe. A file that is written is added to `made`.
    pub(super) fn made(file: &Path, made: &mut Vec<PathBuf>) -> Result<Self, Error> {
        if !file.is_file() {
            let mut secret = [0; TOKEN_BYTES_MADE];
            rustix::rand::getrandom(&mut secret, GetRandomFlags::empty())
                .map_err(|error| Error::start("a token cannot be made", error))?;
            let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            write_file(file, &format!("{text}\n"), 0o600)?;
            made.push(file.to_owned());
        }
        Ok(Self::load(Source { section: "", file: Some(file), variable: None })?)
    }

    /// A line: the secret, and after it whose it is.
    fn add(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (token, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if token.len() < TOKEN_BYTES_MIN {
            return Err(format!(
                "a token has at least {TOKEN_BYTES_MIN} characters; make one with openssl rand -hex 32"
            ));
        }
        let hash = blake3::hash(token.as_bytes());
        let name = match name.trim() {
            // Enough to tell tokens apart, and nothing of the secret.
            "" => hash.to_hex()[..8].to_owned(),
            name => name.chars().filter(|c| !c.is_control()).collect(),
        };
        self.0.push(Token { hash, name });
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is one of them.
    pub(super) fn accept(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.owner(token).is_some())
    }

    /// Whose `token` is, if it is one of them.
    pub(super) fn owner(&self, token: &str) -> Option<&str> {
        let given = blake3::hash(token.as_bytes());
        // All of them are looked at: which one it is takes no different time either.
        self.0.iter().fold(None, |found, known| {
            if known.hash == given { Some(known.name.as_str()) } else { found }
        })
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
    fn a_token_has_the_name_behind_it_or_one_that_follows_from_it() {
        let mut tokens = Tokens::default();
        tokens.add("0123456789abcdef  ada, laptop ").unwrap();
        tokens.add("fedcba9876543210").unwrap();
        assert_eq!(tokens.owner("0123456789abcdef"), Some("ada, laptop"));
        assert_eq!(tokens.owner("fedcba9876543210").map(str::len), Some(8));
        assert_eq!(tokens.owner("0123456789abcdef  ada, laptop"), None);
    }

    #[test]
    fn a_short_token_is_refused() {
        assert!(Tokens::default().add("secret").unwrap_err().contains("16"));
    }
}
