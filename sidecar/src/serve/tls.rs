//! The worker's side of TLS: certificate, key, and whose client certificates are let in.

use super::Error;
use super::directories::{make_private, write_file};
use crate::config::daemon::Tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What TLS listeners use.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// The certificate made here, which clients must be given as their authority.
    pub(super) self_signed: Option<PathBuf>,
}

impl Identity {
    /// From the files of the configuration; without a certificate one is made for `hosts`, once, in
    /// `state_dir`. `tokens` says that callers may know a token instead of having a certificate.
    pub(super) fn load(
        tls: &Tls,
        hosts: &[String],
        state_dir: &Path,
        tokens: bool,
    ) -> Result<Self, Error> {
        let (certificate, key, self_signed) = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone(), None),
            _ => {
                let (certificate, key) = self_signed(hosts, state_dir)?;
                (certificate.clone(), key, Some(certificate))
            }
        };
        let chain = certificates(&certificate)?;
        let key = PrivateKeyDer::from_pem_file(&key)
            .map_err(|error| Error::start(key.display(), error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::start("TLS", error))?;
        let builder = match &tls.client_ca {
            Some(file) => builder.with_client_cert_verifier(verifier(file, tokens)?),
            None => builder.with_no_client_auth(),
        };
        let config = builder
            .with_single_cert(chain, key)
            .map_err(|error| Error::start(certificate.display(), error))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), self_signed })
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |error| Error::start(file.display(), error);
    let found = CertificateDer::pem_file_iter(file).map_err(failed)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if found.is_empty() {
        return Err(Error::start(file.display(), "there is no certificate in it"));
    }
    Ok(found)
}

/// Client certificates of these authorities let in; a caller without one needs a token.
fn verifier(file: &Path, tokens: bool) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| Error::start(file.display(), error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if tokens { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| Error::start(file.display(), error))
}

/// Certificate and key made by an earlier start, or now. They stay, so that clients that were given
/// the certificate still trust the worker after a restart.
fn self_signed(hosts: &[String], state_dir: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let certificate = state_dir.join("certificate.pem");
    let key = state_dir.join("key.pem");
    if certificate.is_file() && key.is_file() {
        return Ok((certificate, key));
    }
    make_private(state_dir)?;
    let failed = |error| Error::start("a certificate cannot be made", error);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names(hosts)).map_err(failed)?;
    write_file(&key, &signing_key.serialize_pem(), 0o600)?;
    write_file(&certificate, &cert.pem(), 0o644)?;
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
