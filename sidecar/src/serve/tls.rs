//! The worker's side of TLS: certificate, key, and whose client certificates are let in.

use super::Error;
use super::directories::write_file;
use crate::config::ConfigError;
use crate::config::daemon::Tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// What TLS listeners use.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// The certificate made here, which clients must be given as their authority.
    pub(super) self_signed: Option<PathBuf>,
}

impl Identity {
    /// From the files of the configuration; `None` where it names no certificate. `tokens` says that
    /// callers may know a token instead of having a certificate.
    pub(super) fn configured(tls: &Tls, tokens: bool) -> Result<Option<Self>, ConfigError> {
        match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => Self::load(tls, certificate, key, tokens).map(Some),
            _ => {
                tls.client_ca.as_deref().map(|file| verifier(file, tokens)).transpose()?;
                Ok(None)
            }
        }
    }

    /// With the certificate and key of [`self_signed`].
    pub(super) fn self_signed(
        tls: &Tls,
        certificate: PathBuf,
        key: &Path,
        tokens: bool,
    ) -> Result<Self, ConfigError> {
        let identity = Self::load(tls, &certificate, key, tokens).map_err(|error| {
            let (certificate, key) = (certificate.display(), key.display());
            ConfigError::new(format!(
                "{error}; remove {certificate} and {key}, and they are made anew"
            ))
        })?;
        Ok(Self { self_signed: Some(certificate), ..identity })
    }

    fn load(tls: &Tls, certificate: &Path, key: &Path, tokens: bool) -> Result<Self, ConfigError> {
        let chain = certificates("tls.certificate", certificate)?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
            pem::Error::NoItemsFound => wrong("tls.key", key, "there is no private key in it"),
            error => wrong("tls.key", key, error),
        })?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::new(format!("TLS: {error}")))?;
        let builder = match &tls.client_ca {
            Some(file) => builder.with_client_cert_verifier(verifier(file, tokens)?),
            None => builder.with_no_client_auth(),
        };
        let config = builder.with_single_cert(chain, secret).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let message =
                    format!("it is for another certificate than {}", certificate.display());
                wrong("tls.key", key, message)
            }
            error => wrong("tls.certificate", certificate, error),
        })?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), self_signed: None })
    }
}

/// What is wrong with the file that the key `name` of the configuration says.
fn wrong(name: &str, file: &Path, error: impl std::fmt::Display) -> ConfigError {
    ConfigError::new(format!("{name}: {}: {error}", file.display()))
}

fn certificates(name: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let found = CertificateDer::pem_file_iter(file).map_err(|error| wrong(name, file, error))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(name, file, error))?;
    if found.is_empty() {
        return Err(wrong(name, file, "there is no certificate in it"));
    }
    Ok(found)
}

/// Client certificates of these authorities let in; a caller without one needs a token.
fn verifier(file: &Path, tokens: bool) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    const NAME: &str = "tls.client_ca";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(NAME, file)? {
        roots.add(certificate).map_err(|error| wrong(NAME, file, error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if tokens { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| wrong(NAME, file, error))
}

/// Certificate and key made by an earlier start, or now. They stay, so that clients that were given
/// the certificate still trust the worker after a restart. Files that are written are added to `made`.
pub(super) fn self_signed(
    hosts: &[String],
    state_dir: &Path,
    made: &mut Vec<PathBuf>,
) -> Result<(PathBuf, PathBuf), Error> {
    let certificate = state_dir.join("certificate.pem");
    let key = state_dir.join("key.pem");
    if certificate.is_file() && key.is_file() {
        return Ok((certificate, key));
    }
    let failed = |error| Error::start("a certificate cannot be made", error);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names(hosts)).map_err(failed)?;
    write_file(&key, &signing_key.serialize_pem(), 0o600)?;
    made.push(key.clone());
    write_file(&certificate, &cert.pem(), 0o644)?;
    made.push(certificate.clone());
    Ok((certificate, key))
}

/// Names under which clients may reach the worker.
fn names(hosts: &[String]) -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = ["localhost", "127.0.0.1", "::1", host.trim()].map(str::to_owned);
    let mut names: Vec<String> = own.into_iter().chain(hosts.iter().cloned()).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}
