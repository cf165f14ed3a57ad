//! TLS settings of a client: whom it trusts, and who it says it is.

use super::ClientError;
use crate::control_client::SYSTEM_AUTHORITIES;
use net::{TlsClient, TlsFiles};
use std::path::{Path, PathBuf};

/// PEM files.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct TlsArgs {
    /// Authority that signed the workers' certificates (PEM); by default the system's.
    #[arg(long, value_name = "FILE", env = "APPSERVER_CA", help_heading = "Workers")]
    ca: Option<PathBuf>,
    /// Certificate to show to workers (PEM).
    #[arg(
        long,
        value_name = "FILE",
        env = "APPSERVER_CERTIFICATE",
        requires = "key",
        help_heading = "Workers"
    )]
    certificate: Option<PathBuf>,
    /// Key of that certificate (PEM).
    #[arg(
        long,
        value_name = "FILE",
        env = "APPSERVER_KEY",
        requires = "certificate",
        help_heading = "Workers"
    )]
    key: Option<PathBuf>,
}

impl TlsArgs {
    /// Reads the files.
    pub(super) fn read(&self) -> Result<TlsClient, ClientError> {
        let files = TlsFiles {
            authorities: self.ca.as_deref().unwrap_or(Path::new(SYSTEM_AUTHORITIES)),
            identity: self.certificate.as_deref().zip(self.key.as_deref()),
        };
        TlsClient::read(files).map_err(|error| ClientError::Config(format!("cannot use {error}")))
    }
}
