//! Sockets to listen at, bound before the worker gives up root.

use super::Error;
use super::identity::{Account, group_id};
use crate::config::daemon::Socket;
use net::Address;
use rustix::net::listen;
use rustix::net::sockopt::socket_peercred;
use std::fmt::Display;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Connections that may wait to be accepted, as far as net.core.somaxconn allows. std asks for 128,
/// and a client whose connect(2) does not block fails when the backlog of a unix socket is full.
const BACKLOG: i32 = 4096;

/// Everything bound.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub(super) unix: Vec<(PathBuf, UnixListener)>,
    /// For applications that have users of their own; who comes in is asked of the kernel.
    pub(super) inner: Option<UnixListener>,
    /// With whether it is for TLS.
    pub(super) tcp: Vec<(TcpListener, bool)>,
    /// As clients write them, with the port that was given where 0 was asked for.
    pub(super) addresses: Vec<String>,
    pub(super) files: SocketFiles,
}

/// Files of unix sockets, removed with this: clients then see at once that nobody is there.
#[derive(Debug, Default)]
pub(super) struct SocketFiles(Vec<PathBuf>);

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Fails if another worker serves one of the addresses, before anything is touched that it uses.
pub(super) fn refuse_taken(addresses: &[Address]) -> Result<(), Error> {
    for address in addresses {
        let Address::Unix(path) = address else {
            continue;
        };
        if let Ok(other) = UnixStream::connect(path) {
            return Err(taken(path, &other));
        }
    }
    Ok(())
}

impl Listeners {
    /// `socket` is what unix sockets are like; `account` whom the worker becomes: they are that user's.
    pub(super) fn bind(
        addresses: &[Address],
        socket: &Socket,
        account: Option<Account>,
    ) -> Result<Self, Error> {
        let mut listeners = Self::default();
        for address in addresses {
            match address {
                Address::Unix(path) => {
                    let listener = listeners.bind_unix(path, socket, account)?;
                    listeners.addresses.push(format!("unix:{}", path.display()));
                    listeners.unix.push((path.to_owned(), listener));
                }
                Address::Tcp { host, port } | Address::Tls { host, port } => {
                    listeners.bind_tcp(host, *port, address)?;
                }
            }
        }
        Ok(listeners)
    }

    fn bind_unix(
        &mut self,
        path: &Path,
        socket: &Socket,
        account: Option<Account>,
    ) -> Result<UnixListener, Error> {
        let failed = |error| cannot_bind(format!("unix:{}", path.display()), &error);
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        self.files.0.push(path.to_owned());
        // The umask lets nobody else in until here.
        let mode = u32::from_str_radix(&socket.mode, 8).unwrap_or(0o600);
        let group = socket.group.as_ref().map(group_id).transpose()?;
        let group = group.or(account.map(|account| account.gid));
        if account.is_some() || group.is_some() {
            chown(path, account.map(|account| account.uid), group).map_err(failed)?;
        }
        std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        listen(&listener, BACKLOG).map_err(|error| failed(error.into()))?;
        Ok(listener)
    }

    /// The socket for applications that have users of their own.
    pub(super) fn bind_inner(
        &mut self,
        path: &Path,
        account: Option<Account>,
    ) -> Result<(), Error> {
        let socket = Socket { mode: "0666".to_owned(), group: None };
        self.inner = Some(self.bind_unix(path, &socket, account)?);
        Ok(())
    }

    fn bind_tcp(&mut self, host: &str, port: u16, address: &Address) -> Result<(), Error> {
        let failed = |error| cannot_bind(address, &error);
        let listener = TcpListener::bind((host, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        listen(&listener, BACKLOG).map_err(|error| failed(error.into()))?;
        let port = listener.local_addr().map_err(failed)?.port();
        let host = host.to_owned();
        let encrypted = matches!(address, Address::Tls { .. });
        let served = match encrypted {
            true => Address::Tls { host, port },
            false => Address::Tcp { host, port },
        };
        self.addresses.push(served.to_string());
        self.tcp.push((listener, encrypted));
        Ok(())
    }
}

/// A socket that nobody serves any more is removed; a live one, or another kind of file, never.
fn remove_stale(path: &Path) -> Result<(), Error> {
    let failed = |error| cannot_bind(format!("unix:{}", path.display()), &error);
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    if !metadata.file_type().is_socket() {
        let message = "there is a file of another kind; choose another path";
        return Err(Error::Address(format!("unix:{}: {message}", path.display())));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(other) => Err(taken(path, &other)),
    }
}

fn taken(path: &Path, other: &UnixStream) -> Error {
    let pid = socket_peercred(other).map(|peer| format!(" (pid {})", peer.pid.as_raw_nonzero()));
    Error::Address(format!(
        "another appserver{} already listens at unix:{}; stop it or choose another path",
        pid.unwrap_or_default(),
        path.display()
    ))
}

/// An address that cannot be bound, with what to do about it.
fn cannot_bind(address: impl Display, error: &io::Error) -> Error {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => "; another program listens there, choose another port",
        ErrorKind::AddrNotAvailable => "; no interface of this host has it, 0.0.0.0 means all",
        ErrorKind::PermissionDenied => {
            "; start as root (ports below 1024 need it) or choose another port or folder"
        }
        ErrorKind::NotFound => "; make its folder first or choose another path",
        ErrorKind::InvalidInput => {
            "; the path of a socket has at most 107 bytes, choose another one"
        }
        _ => "",
    };
    Error::Address(format!("cannot listen at {address}: {error}{advice}"))
}
