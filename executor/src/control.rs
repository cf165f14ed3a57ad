//! The control sockets: messages of `protocol::process`, with descriptors beside them.

use anyhow::{Context, Result, bail};
use protocol::{body_from_slice, body_to_vec};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

/// Largest message; what may be larger travels in a memfd.
const PACKET_BYTES_MAX: usize = 64 * 1024;
/// Most descriptors beside one message.
const FDS_MAX: usize = 4;

/// One end of a `SOCK_SEQPACKET` pair.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// The other side has closed its end, which it does when it ends: no fault of anyone here.
#[derive(Debug)]
pub(crate) struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the supervisor is gone")
    }
}

impl std::error::Error for Gone {}

/// The kernel had no number left for a descriptor beside a message.
#[derive(Debug)]
pub(crate) struct NoDescriptorsLeft;

impl std::fmt::Display for NoDescriptorsLeft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "no descriptor was left for a connection: PHP code keeps too many files or sockets open, \
             or the limit on open files (ulimit -n) is too low",
        )
    }
}

impl std::error::Error for NoDescriptorsLeft {}

/// What was found on a channel.
#[derive(Debug)]
pub(crate) enum Incoming<T> {
    Message(T, Vec<OwnedFd>),
    Nothing,
    /// The other side is gone.
    Closed,
}

impl Channel {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Sends, waiting for room if need be; the error is [`Gone`] when nobody is there to read it.
    pub(crate) fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> Result<()> {
        loop {
            match self.send_with(message, fds, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => bail!(Gone),
                sent => return sent.context("control socket"),
            }
        }
    }

    /// Sends if there is room now; says whether it did.
    pub(crate) fn offer<T: Serialize>(&self, message: &T) -> bool {
        self.send_with(message, &[], SendFlags::NOSIGNAL | SendFlags::DONTWAIT).is_ok()
    }

    fn send_with<T: Serialize>(
        &self,
        message: &T,
        fds: &[BorrowedFd<'_>],
        flags: SendFlags,
    ) -> rustix::io::Result<()> {
        let bytes = body_to_vec(message);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(Errno::INVAL);
        }
        sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut ancillary, flags).map(drop)
    }

    /// Takes one message without waiting.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> Result<Incoming<T>> {
        let mut bytes = [0; PACKET_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received =
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags) {
                Ok(received) => received,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(Incoming::Nothing),
                Err(Errno::CONNRESET) => return Ok(Incoming::Closed),
                Err(error) => return Err(error).context("control socket"),
            };
        if received.bytes == 0 {
            return Ok(Incoming::Closed);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            bail!("a control message has more than {PACKET_BYTES_MAX} bytes");
        }
        let fds = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        let message = body_from_slice("control message", &bytes[..received.bytes])?;
        Ok(Incoming::Message(message, fds))
    }

    /// Waits until something can be received, or a signal arrives.
    pub(crate) fn wait(&self) -> Result<()> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("control socket"),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
