//! `[control]`: by which ways, and by whom, what this worker serves may be changed.

use super::document::Document;
use super::{ConfigError, Daemon, Identity};
use net::{Address, AddressError};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// Port of the control API over TLS, unless another one is given: the one after the callers'.
pub(crate) const CONTROL_PORT: u16 = protocol::DEFAULT_PORT + 1;

/// `[control]`: the HTTP API of whoever deploys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Control {
    /// `None` = a socket in the runtime folder; an empty list = no control API.
    #[serde(deserialize_with = "addresses")]
    pub(crate) listen: Option<Vec<Address>>,
    /// Octal text, because a number of TOML would be taken for decimal.
    pub(crate) mode: String,
    pub(crate) group: Option<Identity>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) token_env: Option<String>,
    pub(crate) archive_bytes_max: u64,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            listen: None,
            mode: "0600".to_owned(),
            group: None,
            token_file: None,
            token_env: None,
            archive_bytes_max: 512 * 1024 * 1024,
        }
    }
}

impl Control {
    /// Whether nobody can deploy here.
    pub(crate) fn is_off(&self) -> bool {
        self.listen.as_ref().is_some_and(Vec::is_empty)
    }

    /// Addresses that the configuration names.
    pub(crate) fn named(&self) -> &[Address] {
        self.listen.as_deref().unwrap_or_default()
    }
}

/// They have a port of their own where they name none.
fn addresses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Address>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let addresses = texts.iter().map(|text| address(text));
    addresses.collect::<Result<_, _>>().map(Some).map_err(serde::de::Error::custom)
}

/// An address of a control API: without a port it is [`CONTROL_PORT`], not that of callers.
pub(crate) fn address(text: &str) -> Result<Address, AddressError> {
    let address: Address = text.parse()?;
    let has_port = text
        .rsplit_once(':')
        .is_some_and(|(before, port)| before.contains(':') && port.parse::<u16>().is_ok());
    Ok(match address {
        Address::Tls { host, .. } if !has_port => Address::Tls { host, port: CONTROL_PORT },
        address => address,
    })
}

/// `unix:PATH`, `https://HOST[:PORT]` or, as workers write it, `tls:HOST[:PORT]`.
pub(crate) fn remote_address(text: &str) -> Result<Address, String> {
    let text = text.trim();
    let host = text.strip_prefix("https://").map(|host| host.trim_end_matches('/'));
    let text = host.map_or_else(|| text.to_owned(), |host| format!("tls:{host}"));
    match address(&text) {
        Ok(Address::Tcp { host, .. }) => Err(format!("control goes over TLS: https://{host}")),
        Ok(address) => Ok(address),
        Err(_) => Err(format!(
            "\"{text}\" is no address: write unix:/run/appserver/control.sock or https://HOST:PORT"
        )),
    }
}

/// What the types do not say.
pub(super) fn check(document: &Document, daemon: &Daemon) -> Result<(), ConfigError> {
    let control = &daemon.control;
    for (index, address) in control.named().iter().enumerate() {
        let taken = control.named()[..index].contains(address) || daemon.listen.contains(address);
        if taken && !address.takes_any_port() {
            return Err(document.error("control.listen", format!("{address} is given twice")));
        }
        if let Address::Tcp { host, .. } = address {
            let message = format!("{address} would carry tokens in plain text: use tls:{host}");
            return Err(document.error("control.listen", message));
        }
    }
    if u32::from_str_radix(&control.mode, 8).is_err() {
        return Err(document.error("control.mode", "must be octal, e.g. \"0600\""));
    }
    if control.archive_bytes_max == 0 {
        return Err(document.error("control.archive_bytes_max", "must be at least 1"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_has_that_of_the_control_api() {
        for (text, expected) in [
            ("tls:10.0.0.7", "tls:10.0.0.7:25888"),
            ("tls:[::1]", "tls:[::1]:25888"),
            ("tls:10.0.0.7:25887", "tls:10.0.0.7:25887"),
            ("tls:[::1]:1", "tls:[::1]:1"),
            ("unix:/a:1", "unix:/a:1"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn addresses_are_those_of_control_apis() {
        for (text, expected) in [
            ("https://w1.example", "tls:w1.example:25888"),
            ("https://w1.example:443/", "tls:w1.example:443"),
            ("tls:10.0.0.7", "tls:10.0.0.7:25888"),
            ("unix:/run/control.sock", "unix:/run/control.sock"),
        ] {
            assert_eq!(remote_address(text).unwrap().to_string(), expected);
        }
        assert!(remote_address("tcp:10.0.0.7").unwrap_err().contains("https://10.0.0.7"));
        assert!(remote_address("w1").unwrap_err().contains("https://HOST:PORT"));
    }
}
