//! The files of a TLS client, as the settings name them.

use net::{TlsClient, TlsError, TlsFiles};
use std::cell::OnceCell;
use std::path::Path;
use thiserror::Error;

/// Files, each empty when not used, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// PEM file with the certificates that workers' certificates must be signed by.
    pub ca: String,
    /// PEM files of this client's certificate and key.
    pub certificate: String,
    pub key: String,
    /// Read at the first TLS connection and kept.
    client: OnceCell<Result<TlsClient, Unusable>>,
}

/// Why there can be no TLS connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Unusable {
    #[error("a tls: worker needs appserver.ca, the PEM file of the authority that signed it")]
    NoAuthority,
    #[error("appserver.certificate and appserver.key must be set together")]
    HalfAPair,
    #[error(transparent)]
    File(#[from] TlsError),
}

impl Credentials {
    pub(crate) fn new(ca: &str, certificate: &str, key: &str) -> Self {
        Self {
            ca: ca.to_owned(),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            client: OnceCell::new(),
        }
    }

    pub(super) fn client(&self) -> Result<&TlsClient, &Unusable> {
        self.client.get_or_init(|| self.read()).as_ref()
    }

    fn read(&self) -> Result<TlsClient, Unusable> {
        if self.ca.is_empty() {
            return Err(Unusable::NoAuthority);
        }
        let pair = (Path::new(&self.certificate), Path::new(&self.key));
        let identity = match (self.certificate.is_empty(), self.key.is_empty()) {
            (true, true) => None,
            (false, false) => Some(pair),
            _ => return Err(Unusable::HalfAPair),
        };
        Ok(TlsClient::read(TlsFiles { authorities: Path::new(&self.ca), identity })?)
    }
}
