//! TLS over a non-blocking TCP socket, with rustls.

use crate::connect::timed_out;
use crate::wait::{Ready, Waiting, wait};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::fmt::Display;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;

/// PEM files of a TLS client: whom it trusts, and who it says it is.
#[derive(Clone, Copy, Debug)]
pub struct TlsFiles<'a> {
    /// Certificates that the workers' must be signed by.
    pub authorities: &'a Path,
    /// Certificate and key to show to workers.
    pub identity: Option<(&'a Path, &'a Path)>,
}

/// Files that were read; cheap to clone.
#[derive(Clone, Debug)]
pub struct TlsClient(Arc<ClientConfig>);

/// Why the files of a TLS client cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: {reason}")]
pub struct TlsError {
    pub file: String,
    pub reason: String,
}

impl TlsError {
    fn new(file: &Path, reason: impl Display) -> Self {
        Self { file: file.display().to_string(), reason: reason.to_string() }
    }
}

impl TlsClient {
    pub fn read(files: TlsFiles<'_>) -> std::result::Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(files.authorities, error))?
            .with_root_certificates(roots(files.authorities)?);
        let config = match files.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let secret =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::new(key, error))?;
                builder
                    .with_client_auth_cert(certificates(certificate)?, secret)
                    .map_err(|error| TlsError::new(certificate, error))?
            }
        };
        Ok(Self(Arc::new(config)))
    }
}

impl TlsClient {
    /// For clients that run the handshake themselves.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

/// A file of many authorities, as systems have them, may hold some that rustls does not understand;
/// a file without any other is a mistake.
fn roots(file: &Path) -> std::result::Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(certificates(file)?);
    if usable == 0 {
        return Err(TlsError::new(file, "it holds no certificate of an authority"));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> std::result::Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| TlsError::new(file, error))
}

/// Most plain text in one TLS record: what one read can yield.
const RECORD_BYTES: usize = 16 * 1024;

/// An established TLS connection.
#[derive(Debug)]
pub struct TlsStream {
    session: ClientConnection,
    tcp: TcpStream,
}

impl TlsStream {
    /// Runs the handshake on `fd`, which is connected and non-blocking.
    pub(crate) fn handshake(
        fd: OwnedFd,
        host: &str,
        tls: &TlsClient,
        deadline: Instant,
    ) -> Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
        let session = ClientConnection::new(Arc::clone(&tls.0), name).map_err(Error::other)?;
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

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<usize> {
        let taken = self.session.writer().write(bytes)?;
        let flushed = self.flush()?;
        if taken == 0 && !flushed { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    pub(crate) fn flush(&mut self) -> Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    pub(crate) fn receive(&mut self, into: &mut Vec<u8>) -> Result<usize> {
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

    pub(crate) fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    pub(crate) fn say_goodbye(&mut self) {
        self.session.send_close_notify();
        let _ = self.flush();
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.tcp.into()
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
