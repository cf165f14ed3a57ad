//! A SOCK_SEQPACKET socket to a prototype or executor: one message a packet, descriptors beside it.

use super::ready::register;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Largest packet received; the kernel's default send buffer allows no larger one.
const PACKET_BYTES_MAX: usize = 224 * 1024;
/// Most descriptors in a packet: those of a Fork.
const DESCRIPTORS_MAX: usize = 4;

/// The supervisor's end.
#[derive(Debug)]
pub(super) struct Channel(AsyncFd<OwnedFd>);

/// A message and the descriptors that came with it.
pub(super) type Packet<T> = (T, Vec<OwnedFd>);

impl Channel {
    /// Our end, and the other process's, which blocks.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        Ok((Self(register(ours, Interest::READABLE | Interest::WRITABLE)?), theirs))
    }

    /// The next message; `None` when the other end is closed.
    pub(super) async fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<Packet<T>>> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(received) = ready.try_io(|socket| receive_now(socket.get_ref())) {
                return received;
            }
        }
    }

    /// A message that is there already; `WouldBlock` when there is none.
    pub(super) fn try_receive<T: DeserializeOwned>(&self) -> io::Result<Option<Packet<T>>> {
        receive_now(self.0.get_ref())
    }

    /// Sends at once or fails with `WouldBlock`.
    pub(super) fn try_send<T: Serialize>(
        &self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        send_now(self.0.get_ref(), &protocol::body_to_vec(message), descriptors)
    }

    /// Sends as soon as there is room.
    pub(super) async fn send<T: Serialize>(
        &self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let bytes = protocol::body_to_vec(message);
        loop {
            let mut ready = self.0.writable().await?;
            let send = |socket: &AsyncFd<OwnedFd>| send_now(socket.get_ref(), &bytes, descriptors);
            if let Ok(sent) = ready.try_io(send) {
                return sent;
            }
        }
    }
}

fn receive_now<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<Packet<T>>> {
    let mut bytes = vec![0; PACKET_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors = descriptors.flatten().collect();
    if received.bytes == 0 {
        return Ok(None);
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "packet too large"));
    }
    let message = protocol::body_from_slice("message of a PHP process", &bytes[..received.bytes]);
    let message = message.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Some((message, descriptors)))
}

fn send_now(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?;
    Ok(())
}
