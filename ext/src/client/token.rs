//! The secret by which workers let a client in: itself, or where it is kept.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest token, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 4096;

/// As `appserver.token` gives it. Its debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Itself(String),
    /// `env:NAME`.
    Environment(String),
    /// `file:PATH`: the first line.
    File(PathBuf),
}

impl Token {
    /// `None` when `text` is empty; an `Err` says what is expected.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        let place = text.split_once(':').filter(|(scheme, _)| matches!(*scheme, "env" | "file"));
        match (place, text.len()) {
            (_, 0) => Ok(None),
            (Some(("env", name)), _) if name.is_empty() || name.contains(['=', '\0']) => {
                Err("expected the name of an environment variable after env:".to_owned())
            }
            (Some(("env", name)), _) => Ok(Some(Self::Environment(name.to_owned()))),
            (Some((_, path)), _) if !path.starts_with('/') || path.contains('\0') => {
                Err("expected an absolute path after file:".to_owned())
            }
            (Some((_, path)), _) => Ok(Some(Self::File(PathBuf::from(path)))),
            (None, 1..=TOKEN_BYTES_MAX) => Ok(Some(Self::Itself(text.to_owned()))),
            (None, _) => Err(format!("expected a token of at most {TOKEN_BYTES_MAX} bytes")),
        }
    }

    /// The secret, read anew each time so that it can change; or why there is none.
    pub(super) fn reveal(&self) -> Result<String, String> {
        let (place, secret) = match self {
            Self::Itself(secret) => return Ok(secret.clone()),
            Self::Environment(name) => {
                let secret = std::env::var(name).map_err(|error| error.to_string());
                (format!("env:{name}"), secret)
            }
            Self::File(path) => {
                let secret = first_line(path).map_err(|error| error.to_string());
                (format!("file:{}", path.display()), secret)
            }
        };
        let wrong = |reason: &str| format!("appserver.token = \"{place}\": {reason}");
        match secret {
            Ok(secret) if secret.is_empty() => Err(wrong("there is no token in it")),
            Ok(secret) if secret.len() > TOKEN_BYTES_MAX => {
                Err(wrong(&format!("the token has more than {TOKEN_BYTES_MAX} bytes")))
            }
            Ok(secret) => Ok(secret),
            Err(reason) => Err(wrong(&reason)),
        }
    }
}

fn first_line(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let limit = u64::try_from(2 * TOKEN_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_or_where_it_is_kept() {
        assert_eq!(Token::parse(""), Ok(None));
        assert_eq!(Token::parse("se:cret"), Ok(Some(Token::Itself("se:cret".to_owned()))));
        assert_eq!(Token::parse("env:T"), Ok(Some(Token::Environment("T".to_owned()))));
        assert_eq!(Token::parse("file:/t"), Ok(Some(Token::File("/t".into()))));
        for text in ["env:", "env:A=B", "file:", "file:t"] {
            assert!(Token::parse(text).unwrap_err().contains(&text[..4]), "{text}");
        }
        assert!(Token::parse(&"s".repeat(5000)).is_err());
    }

    #[test]
    fn a_file_gives_its_first_line_and_no_file_a_reason() {
        let path = std::env::temp_dir().join(format!("appserver-token-{}", std::process::id()));
        let token = Token::File(path.clone());
        assert!(token.reveal().unwrap_err().contains("No such file"));
        std::fs::write(&path, "first \nsecond\n").unwrap();
        assert_eq!(token.reveal().as_deref(), Ok("first"));
        std::fs::write(&path, "\n").unwrap();
        assert!(token.reveal().unwrap_err().contains("no token"));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn nothing_shows_the_secret() {
        assert!(!format!("{:?}", Token::parse("very-secret")).contains("secret"));
    }
}
