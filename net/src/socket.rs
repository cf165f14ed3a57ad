//! A connected stream, plain or encrypted. No operation here ever blocks; waiting is `wait`'s.

use crate::tls::TlsStream;
use crate::wait::Waiting;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A connected stream.
#[derive(Debug)]
pub enum Socket {
    Plain(OwnedFd),
    Tls(Box<TlsStream>),
}

impl Socket {
    /// Sends what the kernel takes now: `WouldBlock` when that is nothing.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(fd) => Ok(send(fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?),
            Self::Tls(stream) => stream.send(bytes),
        }
    }

    /// Pushes out what encryption has buffered. `false` = wait for writability and call again.
    pub fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(stream) => stream.flush(),
        }
    }

    /// Appends what has arrived to the spare capacity of `into`, which must not be empty: 0 = the
    /// peer has closed, `WouldBlock` = nothing yet.
    pub fn receive(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Plain(fd) => {
                let (_, count) = recv(fd, spare_capacity(into), RecvFlags::DONTWAIT)?;
                Ok(count)
            }
            Self::Tls(stream) => stream.receive(into),
        }
    }

    /// Whether an idle connection can no longer be used: closed by the peer, broken, or with bytes
    /// that nobody asked for.
    pub fn is_stale(&mut self) -> bool {
        let mut byte = [0u8; 1];
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        match self {
            Self::Plain(fd) => !matches!(recv(fd, &mut byte[..], flags), Err(Errno::AGAIN)),
            // Session tickets may arrive unasked, so the stream itself must look.
            Self::Tls(stream) => {
                let mut scratch = Vec::with_capacity(1);
                let nothing = stream.receive(&mut scratch);
                !matches!(nothing, Err(error) if error.kind() == ErrorKind::WouldBlock)
            }
        }
    }

    /// What to wait for in order to read, or to write when `write` is set.
    pub fn waiting(&self, write: bool) -> Waiting<'_> {
        let write = write || matches!(self, Self::Tls(stream) if stream.wants_write());
        Waiting { fd: self.as_fd(), write }
    }

    /// Says goodbye, so that the worker does not take the end for an attack that cuts a stream short.
    /// A peer that is gone already, or does not listen, needs none.
    pub fn say_goodbye(&mut self) {
        if let Self::Tls(stream) = self {
            stream.say_goodbye();
        }
    }

    /// Closes the descriptor without a word to the peer: for a forked child, whose parent still
    /// uses the connection.
    pub fn abandon(self) {
        match self {
            Self::Plain(fd) => drop(fd),
            Self::Tls(stream) => drop(stream.into_fd()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Plain(fd) => fd.as_fd(),
            Self::Tls(stream) => stream.as_fd(),
        }
    }
}
