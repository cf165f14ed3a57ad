//! Addresses of workers, as written in `appserver.workers` and in membership lists.

use protocol::DEFAULT_PORT;
use std::fmt;
use thiserror::Error;

/// Most workers in one list: bounds what a mistyped setting can make the client do.
pub(crate) const WORKERS_MAX: usize = 256;
/// Longest path of a unix socket, as the kernel has it.
const UNIX_PATH_BYTES_MAX: usize = 107;

/// How a worker is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Unix(String),
    Tcp { host: String, port: u16 },
    Tls { host: String, port: u16 },
}

/// An entry of a list of workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub address: Address,
    /// Relative share of keys; 1 = normal, 0 = last resort.
    pub weight: u16,
}

/// Why a list of workers makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum AddressError {
    #[error("\"{0}\" is no address; write unix:/path, tls:host:port or tcp:host:port")]
    Scheme(String),
    #[error("\"{0}\": the path of a unix socket must be absolute and at most 107 bytes long")]
    Path(String),
    #[error("\"{0}\": expected a host name and a port of 1 to 65535")]
    HostPort(String),
    #[error("\"{0}\": the only option is weight=N, with N from 0 to 65535")]
    Option(String),
    #[error("\"{0}\" is listed twice")]
    Twice(String),
    #[error("more than {WORKERS_MAX} workers are listed")]
    TooMany,
}

impl Address {
    /// Parses one address without options.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) =
            text.split_once(':').ok_or_else(|| AddressError::Scheme(text.to_owned()))?;
        match scheme {
            "unix" => {
                let fits = rest.starts_with('/') && rest.len() <= UNIX_PATH_BYTES_MAX;
                let fits = fits && !rest.contains('\0');
                fits.then(|| Self::Unix(rest.to_owned()))
                    .ok_or_else(|| AddressError::Path(text.to_owned()))
            }
            "tcp" => {
                let (host, port) = host_and_port(text, rest)?;
                Ok(Self::Tcp { host, port })
            }
            "tls" => {
                let (host, port) = host_and_port(text, rest)?;
                Ok(Self::Tls { host, port })
            }
            _ => Err(AddressError::Scheme(text.to_owned())),
        }
    }

    /// Whether the worker is on this host for certain.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp { host, port } => write!(f, "tcp:{}:{port}", bracketed(host)),
            Self::Tls { host, port } => write!(f, "tls:{}:{port}", bracketed(host)),
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn host_and_port(text: &str, rest: &str) -> Result<(String, u16), AddressError> {
    let wrong = || AddressError::HostPort(text.to_owned());
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (host, after) = v6.split_once(']').ok_or_else(wrong)?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("")).ok_or_else(wrong)?)
        }
        None => rest.split_once(':').unwrap_or((rest, "")),
    };
    let port = match port {
        "" => DEFAULT_PORT,
        digits => digits.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?,
    };
    let valid = !host.is_empty() && !host.contains(char::is_whitespace);
    valid.then(|| (host.to_owned(), port)).ok_or_else(wrong)
}

/// Parses `address[;weight=N],…`. Empty entries are skipped; an empty list is valid.
pub(crate) fn parse_list(list: &str) -> Result<Vec<Entry>, AddressError> {
    let mut entries: Vec<Entry> = Vec::new();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let entry = parse_entry(item)?;
        if entries.iter().any(|known| known.address == entry.address) {
            return Err(AddressError::Twice(entry.address.to_string()));
        }
        entries.push(entry);
    }
    if entries.len() > WORKERS_MAX { Err(AddressError::TooMany) } else { Ok(entries) }
}

fn parse_entry(item: &str) -> Result<Entry, AddressError> {
    let mut parts = item.split(';').map(str::trim);
    let address = Address::parse(parts.next().unwrap_or_default())?;
    let mut weight = 1;
    for option in parts {
        let number = option.strip_prefix("weight=").and_then(|number| number.parse().ok());
        weight = number.ok_or_else(|| AddressError::Option(item.to_owned()))?;
    }
    Ok(Entry { address, weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Entry, AddressError> {
        parse_list(text).map(|mut list| list.remove(0))
    }

    #[test]
    fn every_kind_of_address_is_read_and_printed_the_same() {
        for text in ["unix:/run/a.sock", "tcp:10.0.0.7:80", "tls:worker.example:1", "tls:[::1]:9"] {
            assert_eq!(one(text).unwrap().address.to_string(), text);
        }
        assert_eq!(one("tls:host").unwrap().address.to_string(), "tls:host:25887");
        assert_eq!(one("tls:[::1]").unwrap().address.to_string(), "tls:[::1]:25887");
    }

    #[test]
    fn weights_and_blanks_are_understood() {
        let list = parse_list(" unix:/a , tls:b:2;weight=3,").unwrap();
        assert_eq!(list.iter().map(|entry| entry.weight).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(parse_list("").unwrap(), []);
    }

    #[test]
    fn nonsense_is_refused_with_the_text_that_is_wrong() {
        for text in ["x", "http://a", "unix:rel", "tcp::1", "tcp:a:0", "tcp:a:99999", "tls:[::1:9"]
        {
            assert!(parse_list(text).unwrap_err().to_string().contains(text), "{text}");
        }
        assert!(parse_list("unix:/a;weight=-1").is_err());
        assert!(parse_list("unix:/a;w=1").is_err());
        assert_eq!(parse_list("unix:/a,unix:/a"), Err(AddressError::Twice("unix:/a".into())));
    }
}
