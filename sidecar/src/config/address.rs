//! Where a worker listens, and where clients find it: `unix:PATH`, `tcp:HOST:PORT`, `tls:HOST:PORT`.

use protocol::DEFAULT_PORT;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Longest path of a unix socket that the kernel accepts, in bytes, without the final zero.
const UNIX_PATH_BYTES_MAX: usize = 107;

/// An address of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
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

impl Address {
    /// Whether the system chooses the port.
    pub(crate) fn takes_any_port(&self) -> bool {
        matches!(self, Self::Tcp { port: 0, .. } | Self::Tls { port: 0, .. })
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) => unix(path),
            Some(("tcp", rest)) => host_and_port(rest).map(|(host, port)| Self::Tcp { host, port }),
            Some(("tls", rest)) => host_and_port(rest).map(|(host, port)| Self::Tls { host, port }),
            _ => Err(format!(
                "\"{text}\" is not an address: write unix:PATH, tls:HOST:PORT or tcp:HOST:PORT"
            )),
        }
    }
}

fn unix(path: &str) -> Result<Address, String> {
    if path.is_empty() {
        return Err("unix: needs the path of a socket, e.g. unix:/run/appserver.sock".to_owned());
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        return Err(format!(
            "the path of a unix socket has at most {UNIX_PATH_BYTES_MAX} bytes; this one has {}",
            path.len()
        ));
    }
    Ok(Address::Unix(PathBuf::from(path)))
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().map_err(|_| format!("\"{port}\" is not a port"))?,
    };
    if host.is_empty() {
        return Err(format!("\"{text}\" has no host: write e.g. 127.0.0.1:{DEFAULT_PORT}"));
    }
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
        for text in ["unix:/run/a.sock", "tcp:127.0.0.1:1", "tls:[::1]:25887", "tls:h.example:9"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_port_may_be_left_out() {
        let expected = Address::Tls { host: "::1".to_owned(), port: DEFAULT_PORT };
        assert_eq!("tls:[::1]".parse(), Ok(expected));
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_forms_there_are() {
        for text in ["", "/run/a.sock", "http://x", "unix:", "tcp::1", "tcp:h:port"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(200));
        assert!(long.parse::<Address>().unwrap_err().contains("107"));
    }
}
