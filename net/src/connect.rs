//! Connecting, with a deadline.

use crate::tls::TlsStream;
use crate::wait::{Ready, Waiting, wait, wait_any};
use crate::{Address, Socket, TlsClient, denied};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, ipproto,
    socket_with, sockopt,
};
use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to wait before a unix socket whose backlog is full is tried again: nothing announces
/// that it has room.
const BACKLOG_RETRY: Duration = Duration::from_millis(1);

/// Connects to `address` before `deadline`; `tls` is needed for `tls:` addresses alone. Name resolution
/// is libc's and keeps its own limits.
pub fn connect(address: &Address, tls: Option<&TlsClient>, deadline: Instant) -> Result<Socket> {
    match address {
        Address::Unix(path) => connect_unix(path, deadline).map(Socket::Plain),
        Address::Tcp { host, port } => connect_tcp(host, *port, deadline).map(Socket::Plain),
        Address::Tls { host, port } => {
            let tls = tls.ok_or_else(|| Error::other("there are no TLS settings"))?;
            let fd = connect_tcp(host, *port, deadline)?;
            let stream = TlsStream::handshake(fd, host, tls, deadline)?;
            Ok(Socket::Tls(Box::new(stream)))
        }
    }
}

fn connect_unix(path: &Path, deadline: Instant) -> Result<OwnedFd> {
    let fd = socket(AddressFamily::UNIX)?;
    let address = SocketAddrUnix::new(path)?;
    loop {
        match connect_to(&fd, &address) {
            Ok(()) => return Ok(fd),
            Err(Errno::AGAIN) if Instant::now() + BACKLOG_RETRY < deadline => {
                wait_any(&[], Some(Instant::now() + BACKLOG_RETRY));
            }
            Err(Errno::AGAIN) => return Err(timed_out("its backlog is full")),
            Err(Errno::INTR) => {}
            Err(error) => return Err(denied::explained(path, error.into(), denied::CALLERS)),
        }
    }
}

fn connect_tcp(host: &str, port: u16, deadline: Instant) -> Result<OwnedFd> {
    let mut last = Error::new(ErrorKind::NotFound, "the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        match connect_ip(address, deadline) {
            Ok(fd) => return Ok(fd),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_ip(address: SocketAddr, deadline: Instant) -> Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = socket(family)?;
    sockopt::set_tcp_nodelay(&fd, true)?;
    match connect_to(&fd, &address) {
        Ok(()) => return Ok(fd),
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    loop {
        match wait(Waiting { fd: fd.as_fd(), write: true }, Some(deadline)) {
            Ready::Yes => break,
            Ready::TimedOut => return Err(timed_out("no answer to the connection attempt")),
            Ready::Interrupted => {}
        }
    }
    sockopt::socket_error(&fd)??;
    Ok(fd)
}

fn socket(family: AddressFamily) -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = (family != AddressFamily::UNIX).then_some(ipproto::TCP);
    Ok(socket_with(family, SocketType::STREAM, flags, protocol)?)
}

pub(crate) fn timed_out(what: &'static str) -> Error {
    Error::new(ErrorKind::TimedOut, what)
}
