//! Who sends a request: for a unix socket the kernel says it, over TLS a token does.

use crate::serve::credentials::Tokens;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use std::net::SocketAddr;
use tokio::net::UnixStream;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// Whom the socket's mode let in.
    Local { uid: u32 },
    /// Anybody, until a token says who.
    Remote(SocketAddr),
}

impl Peer {
    pub(super) fn of(stream: &UnixStream) -> std::io::Result<Self> {
        Ok(Self::Local { uid: stream.peer_cred()?.uid() })
    }

    /// Who asks, for the audit log, or `None` if they may not.
    pub(super) fn identify(&self, headers: &HeaderMap, tokens: &Tokens) -> Option<String> {
        match self {
            Self::Local { uid } => Some(user(*uid)),
            Self::Remote(_) => {
                let owner = tokens.owner(bearer(headers)?)?;
                Some(format!("token {owner}"))
            }
        }
    }
}

/// For logs.
impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local { uid } => write!(f, "uid {uid}"),
            Self::Remote(address) => write!(f, "{address}"),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `uid 0 (root)`, or the number alone where /etc/passwd does not have it.
fn user(uid: u32) -> String {
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    name.map_or_else(|| format!("uid {uid}"), |name| format!("uid {uid} ({name})"))
}
