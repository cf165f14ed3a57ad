//! The supervisor's end of a control socket.

use super::DEADLINE;
use protocol::{body_from_slice, body_to_vec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

pub struct Channel(OwnedFd);

impl Channel {
    pub fn pair() -> (Self, Self) {
        let (a, b) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap();
        (Self(a), Self(b))
    }

    pub fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) {
        let bytes = body_to_vec(message);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)));
        }
        sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL).unwrap();
    }

    /// The next message; panics when none comes in time.
    pub fn receive<T: DeserializeOwned>(&self) -> (T, Vec<OwnedFd>) {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        assert_ne!(poll(&mut fds, Some(&DEADLINE)).unwrap(), 0, "no message in time");
        self.try_receive().expect("the other side closed its control socket")
    }

    /// The next message if there is one now, or `None`.
    pub fn poll<T: DeserializeOwned>(&self) -> Option<T> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        (poll(&mut fds, Some(&now)).unwrap() > 0).then(|| self.try_receive()).flatten().map(|m| m.0)
    }

    fn try_receive<T: DeserializeOwned>(&self) -> Option<(T, Vec<OwnedFd>)> {
        let mut bytes = vec![0; 64 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received =
            recvmsg(&self.0, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC).unwrap();
        if received.bytes == 0 {
            return None;
        }
        let fds = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        Some((body_from_slice("message", &bytes[..received.bytes]).unwrap(), fds))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
