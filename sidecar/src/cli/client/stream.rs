//! A blocking byte stream to a worker, whatever carries it.

use crate::config::Address;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::rustls;

#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects within `timeout`; the TLS handshake happens with the first bytes.
    pub(super) fn connect(
        address: &Address,
        tls: Option<&Arc<ClientConfig>>,
        timeout: Duration,
    ) -> io::Result<Self> {
        match address {
            Address::Unix(path) => connect_unix(path, timeout).map(Self::Unix),
            Address::Tcp { host, port } => connect_tcp(host, *port, timeout).map(Self::Tcp),
            Address::Tls { host, port } => {
                let name = rustls::pki_types::ServerName::try_from(host.clone())
                    .map_err(io::Error::other)?;
                let tls = tls.ok_or_else(|| io::Error::other("no TLS settings"))?;
                let session =
                    ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
                let socket = connect_tcp(host, *port, timeout)?;
                Ok(Self::Tls(Box::new(StreamOwned::new(session, socket))))
            }
        }
    }

    /// Reads and writes that would end after `deadline` fail with `TimedOut` or `WouldBlock`.
    pub(super) fn set_deadline(&self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let left = Some(left);
        match self {
            Self::Unix(socket) => {
                socket.set_read_timeout(left)?;
                socket.set_write_timeout(left)
            }
            Self::Tcp(socket) => set_tcp_timeouts(socket, left),
            Self::Tls(stream) => set_tcp_timeouts(&stream.sock, left),
        }
    }
}

fn set_tcp_timeouts(socket: &TcpStream, left: Option<Duration>) -> io::Result<()> {
    socket.set_read_timeout(left)?;
    socket.set_write_timeout(left)
}

/// std's `UnixStream::connect` waits for ever on a frozen worker whose backlog is full.
fn connect_unix(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let socket =
        net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    net::sockopt::set_socket_timeout(&socket, net::sockopt::Timeout::Send, Some(timeout))?;
    net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

fn connect_tcp(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(buffer),
            Self::Tcp(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write(bytes),
            Self::Tcp(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.flush(),
            Self::Tcp(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Drop for Stream {
    /// Says goodbye, so that the worker does not take the end for an attack that cuts a stream short.
    fn drop(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            // A peer that is gone already needs no goodbye.
            let _ = stream.flush();
        }
    }
}
