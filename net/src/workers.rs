//! Lists of workers, as a client's setting names them: `address[;weight=N],…`.

use crate::{Address, AddressError};
use std::str::FromStr;
use thiserror::Error;

/// Most workers in one list: bounds what a mistyped setting can make a client do.
pub const WORKERS_MAX: usize = 256;

/// An entry of a list of workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub address: Address,
    /// Relative share of keys; 1 = normal, 0 = last resort.
    pub weight: u16,
}

/// Why a list of workers makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    #[error("{0}")]
    Address(#[from] AddressError),
    #[error("\"{0}\": a worker has a port of 1 to 65535")]
    NoPort(String),
    #[error(
        "\"{0}\": the path of a unix socket must be absolute: the current folder differs between \
         processes"
    )]
    Relative(String),
    #[error("\"{0}\": the only option is weight=N, with N from 0 to 65535")]
    Option(String),
    #[error("\"{0}\" is listed twice")]
    Twice(String),
    #[error("more than {WORKERS_MAX} workers are listed")]
    TooMany,
}

impl FromStr for Entry {
    type Err = ListError;

    fn from_str(item: &str) -> Result<Self, ListError> {
        let mut parts = item.split(';').map(str::trim);
        let address: Address = parts.next().unwrap_or_default().parse()?;
        if address.takes_any_port() {
            return Err(ListError::NoPort(item.to_owned()));
        }
        let mut weight = 1;
        for option in parts {
            let number = option.strip_prefix("weight=").and_then(|number| number.parse().ok());
            weight = number.ok_or_else(|| ListError::Option(item.to_owned()))?;
        }
        Ok(Self { address, weight })
    }
}

/// Parses an entry for processes whose current folder nobody knows.
pub fn parse_worker(item: &str) -> Result<Entry, ListError> {
    let entry: Entry = item.parse()?;
    if matches!(&entry.address, Address::Unix(path) if path.is_relative()) {
        return Err(ListError::Relative(item.to_owned()));
    }
    Ok(entry)
}

/// Parses a list for processes whose current folder nobody knows. Empty entries are skipped; an empty
/// list is valid.
pub fn parse_list(list: &str) -> Result<Vec<Entry>, ListError> {
    let mut entries: Vec<Entry> = Vec::new();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let entry = parse_worker(item)?;
        if entries.iter().any(|known| known.address == entry.address) {
            return Err(ListError::Twice(entry.address.to_string()));
        }
        if entries.len() == WORKERS_MAX {
            return Err(ListError::TooMany);
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_blanks_are_understood() {
        let list = parse_list(" unix:/a , tls:b:2;weight=3,").unwrap();
        assert_eq!(list.iter().map(|entry| entry.weight).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(parse_list("").unwrap(), []);
    }

    #[test]
    fn nonsense_is_refused_with_the_text_that_is_wrong() {
        for text in ["x", "unix:rel", "tcp:a:0", "unix:/a;weight=-1", "unix:/a;w=1"] {
            let error = parse_list(text).unwrap_err().to_string();
            assert!(error.contains(text), "{text}: {error}");
        }
        assert_eq!(parse_list("unix:/a,unix:/a"), Err(ListError::Twice("unix:/a".into())));
        let many: Vec<String> = (0..=WORKERS_MAX).map(|n| format!("unix:/{n}")).collect();
        assert_eq!(parse_list(&many.join(",")), Err(ListError::TooMany));
    }
}
