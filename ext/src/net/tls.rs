//! TLS over a non-blocking TCP socket, with rustls.

use super::connect::timed_out;
use super::wait::{Ready, Waiting, wait};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::cell::OnceCell;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;

/// Files of a TLS client, each empty when not used, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// PEM file with the certificates that workers' certificates must be signed by.
    pub ca: String,
    /// PEM files of this client's certificate and key.
    pub certificate: String,
    pub key: String,
    /// Read at the first TLS connection and kept.
    config: OnceCell<std::result::Result<Arc<ClientConfig>, TlsError>>,
}

/// Why the files of a TLS client cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum TlsError {
    #[error("a tls: worker needs appserver.ca, the PEM file of the authority that signed it")]
    NoAuthority,
    #[error("appserver.certificate and appserver.key must be set together")]
    HalfAPair,
    #[error("{file}: {reason}")]
    File { file: String, reason: String },
}

impl Credentials {
    pub(crate) fn new(ca: &str, certificate: &str, key: &str) -> Self {
        Self {
            ca: ca.to_owned(),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            config: OnceCell::new(),
        }
    }

    pub(super) fn config(&self) -> std::result::Result<Arc<ClientConfig>, &TlsError> {
        self.config.get_or_init(|| self.read()).as_ref().map(Arc::clone)
    }

    fn read(&self) -> std::result::Result<Arc<ClientConfig>, TlsError> {
        if self.ca.is_empty() {
            return Err(TlsError::NoAuthority);
        }
        if self.certificate.is_empty() != self.key.is_empty() {
            return Err(TlsError::HalfAPair);
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            roots.add(certificate).map_err(|error| unusable(&self.ca, &error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&self.ca, &error))?
            .with_root_certificates(roots);
        let config = if self.certificate.is_empty() {
            builder.with_no_client_auth()
        } else {
            let key = PrivateKeyDer::from_pem_file(Path::new(&self.key))
                .map_err(|error| unusable(&self.key, &error))?;
            builder
                .with_client_auth_cert(certificates(&self.certificate)?, key)
                .map_err(|error| unusable(&self.certificate, &error))?
        };
        Ok(Arc::new(config))
    }
}

fn certificates(file: &str) -> std::result::Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_file_iter(Path::new(file))
        .map_err(|error| unusable(file, &error))?
        .collect();
    match found.map_err(|error| unusable(file, &error))? {
        empty if empty.is_empty() => Err(unusable(file, &"no certificate in this file")),
        certificates => Ok(certificates),
    }
}

fn unusable(file: &str, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { file: file.to_owned(), reason: reason.to_string() }
}

/// Most plain text in one TLS record: what one read can yield.
const RECORD_BYTES: usize = 16 * 1024;

/// An established TLS connection.
#[derive(Debug)]
pub(crate) struct TlsStream {
    session: ClientConnection,
    tcp: TcpStream,
}

impl TlsStream {
    /// Runs the handshake on `fd`, which is connected and non-blocking.
    pub(super) fn handshake(
        fd: OwnedFd,
        host: &str,
        config: Arc<ClientConfig>,
        deadline: Instant,
    ) -> Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
        let session = ClientConnection::new(config, name).map_err(Error::other)?;
        let mut stream = Self { session, tcp: TcpStream::from(fd) };
        while stream.session.is_handshaking() {
            match stream.session.complete_io(&mut stream.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let socket = Waiting { fd: stream.as_fd(), write: stream.wants_write() };
                    if wait(socket, Some(deadline)) == Ready::TimedOut {
                        return Err(timed_out("the TLS handshake took too long"));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(stream)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<usize> {
        let taken = self.session.writer().write(bytes)?;
        let flushed = self.flush()?;
        if taken == 0 && !flushed { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    pub(super) fn flush(&mut self) -> Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    pub(super) fn receive(&mut self, into: &mut Vec<u8>) -> Result<usize> {
        loop {
            match self.read_decrypted(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.session.read_tls(&mut self.tcp)? == 0 {
                return Ok(0);
            }
            self.session.process_new_packets().map_err(Error::other)?;
        }
    }

    fn read_decrypted(&mut self, into: &mut Vec<u8>) -> Result<usize> {
        let spare = (into.capacity() - into.len()).min(RECORD_BYTES);
        let before = into.len();
        into.resize(before + spare, 0);
        let read = self.session.reader().read(&mut into[before..]);
        into.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    pub(super) fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    pub(super) fn into_fd(self) -> OwnedFd {
        self.tcp.into()
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
