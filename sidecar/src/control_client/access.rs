//! How workers let a client in: a token, and whose certificates the client believes.

use net::{TlsClient, TlsError, TlsFiles};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Where Debian keeps the authorities it trusts.
pub(crate) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) token: Option<String>,
    /// Needed for TLS alone.
    pub(crate) tls: Option<TlsClient>,
    pub(crate) connect_timeout: Duration,
}

impl Access {
    /// Whose certificates are believed; by default those of the system's authorities.
    pub(crate) fn trusting(ca: Option<&Path>) -> Result<TlsClient, TlsError> {
        let authorities = ca.unwrap_or(Path::new(SYSTEM_AUTHORITIES));
        TlsClient::read(TlsFiles { authorities, identity: None })
    }
}

/// The first token of a file as the worker's own has it: a line each, the token, then perhaps a name.
pub(crate) fn read_token(file: &Path) -> io::Result<Option<String>> {
    let text = std::fs::read_to_string(file)?;
    let lines = text.lines().map(str::trim);
    let mut tokens = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(tokens.next().and_then(|line| line.split_whitespace().next()).map(str::to_owned))
}
