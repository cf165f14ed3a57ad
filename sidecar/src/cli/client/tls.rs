//! TLS settings of a client: whom it trusts, and who it says it is.

use super::ClientError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls;

/// Where Debian keeps the authorities it trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

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
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, ClientError> {
        let authorities = self.ca.as_deref().unwrap_or(Path::new(SYSTEM_AUTHORITIES));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::Config(error.to_string()))?
            .with_root_certificates(roots(authorities)?);
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(
                    certificates(certificate)?,
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?,
                )
                .map_err(|error| unusable(certificate, &error))?,
            _ => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

fn roots(file: &Path) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(certificates(file)?);
    if usable == 0 {
        return Err(unusable(file, &"it holds no certificate of an authority"));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Config(format!("cannot use {}: {error}", file.display()))
}
