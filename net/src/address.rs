//! Where a worker listens, and where clients find it: `unix:PATH`, `tcp:HOST:PORT`, `tls:HOST:PORT`.

use protocol::DEFAULT_PORT;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;

/// Longest path of a unix socket that the kernel accepts, in bytes, without the final zero.
const UNIX_PATH_BYTES_MAX: usize = 107;

/// An address of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Unix(PathBuf),
    /// Plain text.
    Tcp {
        host: String,
        port: u16,
    },
    Tls {
        host: String,
        port: u16,
    },
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("\"{0}\" is no address; write unix:PATH, tls:HOST:PORT or tcp:HOST:PORT")]
    Scheme(String),
    #[error("\"{0}\": unix: needs the path of a socket, e.g. unix:/run/appserver/appserver.sock")]
    NoPath(String),
    #[error(
        "\"{0}\": the path of a unix socket has at most {UNIX_PATH_BYTES_MAX} bytes and no NUL"
    )]
    Path(String),
    #[error("\"{0}\": expected a host name, e.g. 127.0.0.1, then perhaps a colon and a port")]
    Host(String),
    #[error("\"{0}\": expected a port of 0 to 65535")]
    Port(String),
}

impl Address {
    /// Whether the worker is on this host for certain.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    /// Whether others on the way could read what is sent.
    pub fn is_exposed(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                let ip: Option<IpAddr> = host.parse().ok();
                host != "localhost" && !ip.is_some_and(|ip| ip.is_loopback())
            }
            Self::Unix(_) | Self::Tls { .. } => false,
        }
    }

    /// Whether the system chooses the port: an address to listen at, but not to connect to.
    pub fn takes_any_port(&self) -> bool {
        matches!(self, Self::Tcp { port: 0, .. } | Self::Tls { port: 0, .. })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once(':') {
            Some(("unix", path)) => unix(text, path),
            Some(("tcp", rest)) => {
                host_and_port(text, rest).map(|(host, port)| Self::Tcp { host, port })
            }
            Some(("tls", rest)) => {
                host_and_port(text, rest).map(|(host, port)| Self::Tls { host, port })
            }
            _ => Err(AddressError::Scheme(text.to_owned())),
        }
    }
}

fn unix(text: &str, path: &str) -> Result<Address, AddressError> {
    if path.is_empty() {
        return Err(AddressError::NoPath(text.to_owned()));
    }
    if path.len() > UNIX_PATH_BYTES_MAX || path.contains('\0') {
        return Err(AddressError::Path(text.to_owned()));
    }
    Ok(Address::Unix(PathBuf::from(path)))
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_and_port(text: &str, rest: &str) -> Result<(String, u16), AddressError> {
    let (host, port) = match rest.strip_prefix('[').map(|v6| v6.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, after))) => match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None => return Err(AddressError::Port(text.to_owned())),
        },
        Some(None) => return Err(AddressError::Host(text.to_owned())),
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '\0') {
        return Err(AddressError::Host(text.to_owned()));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().map_err(|_| AddressError::Port(text.to_owned()))?,
    };
    Ok((host.to_owned(), port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } => ("tcp", host, port),
            Self::Tls { host, port } => ("tls", host, port),
        };
        if host.contains(':') {
            write!(f, "{scheme}:[{host}]:{port}")
        } else {
            write!(f, "{scheme}:{host}:{port}")
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "unix:/run/a.sock",
            "unix:a.sock",
            "tcp:127.0.0.1:1",
            "tls:[::1]:25887",
            "tls:h.example:9",
            "tcp:0.0.0.0:0",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_port_may_be_left_out() {
        for (text, whole) in [("tls:host", "tls:host:25887"), ("tls:[::1]", "tls:[::1]:25887")] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), whole);
        }
    }

    #[test]
    fn only_plain_tcp_beyond_this_host_is_exposed() {
        for (text, exposed) in [
            ("tcp:10.0.0.7", true),
            ("tcp:worker.example", true),
            ("tcp:localhost", false),
            ("tcp:127.0.0.2:1", false),
            ("tcp:[::1]", false),
            ("tls:10.0.0.7", false),
            ("unix:/a", false),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_exposed(), exposed, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_text_that_is_wrong() {
        for text in [
            "",
            "x",
            "/run/a.sock",
            "http://x",
            "unix:",
            "unix:/a\0b",
            "tcp::1",
            "tcp:h:port",
            "tcp:h:",
            "tcp:a:99999",
            "tcp:::1",
            "tcp:a b:1",
            "tls:[::1:9",
            "tls:[::1]9",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(text), "{text}: {error}");
        }
        let long = format!("unix:/{}", "x".repeat(200));
        assert!(long.parse::<Address>().unwrap_err().to_string().contains("107"));
    }
}
