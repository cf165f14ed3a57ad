//! A unix socket that wakes its thread when there is something to read, and for nothing else.
//!
//! Tokio's own also wakes it each time the peer has read what it was sent, because then there is room
//! for more: one sleep and one waking too many for every answer.
//!
//! Contract of the unsafe code: what is registered with the runtime is a socket that the registration owns,
//! and that nobody closes or exchanges before the registration ends.

#![allow(unsafe_code)]

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// What is read at once, at most.
const READ_BYTES_MAX: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct LocalStream {
    readable: AsyncFd<UnixStream>,
    /// Only when there was no room for what was to be written.
    writable: Option<AsyncFd<UnixStream>>,
}

impl LocalStream {
    /// The socket must not block. To be called within the runtime that is to wait for it.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { readable: registered(stream, Interest::READABLE)?, writable: None })
    }

    /// Whether there is nothing to read, not even the end.
    pub(super) fn is_silent(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        recv(self.readable.get_ref(), &mut [0; 1], flags).is_err_and(|error| error == Errno::AGAIN)
    }

    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writable = match &mut self.writable {
            Some(writable) => writable,
            none => {
                let again = self.readable.get_ref().try_clone()?;
                none.insert(registered(again, Interest::WRITABLE)?)
            }
        };
        let mut ready = ready!(writable.poll_write_ready(context))?;
        // Whoever finds that there is none after all waits for the next time.
        ready.clear_ready();
        Poll::Ready(Ok(()))
    }
}

fn registered(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a `UnixStream` has one open descriptor until it is dropped, always the same, and is only
    // lent from here on.
    Ok(unsafe { AsyncFd::register_with_interest(stream, interest) }?)
}

impl AsyncRead for LocalStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A part of it is made ready to be read into, not all that is there for a large frame.
        let room = buffer.remaining().min(READ_BYTES_MAX);
        loop {
            let mut ready = ready!(self.readable.poll_read_ready(context))?;
            match ready.try_io(|stream| stream.get_ref().read(buffer.initialize_unfilled_to(room)))
            {
                Ok(read) => {
                    let read = read?;
                    buffer.advance(read);
                    // Less than there is room for was all of it; what comes now is told anew.
                    if 0 < read && read < room {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for LocalStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.readable.get_ref().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_room(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.readable.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_does_not_fit_is_written_as_the_other_end_reads() {
        let (here, there) = UnixStream::pair().expect("sockets");
        for stream in [&here, &there] {
            stream.set_nonblocking(true).expect("a socket");
        }
        let mut here = LocalStream::new(here).expect("a stream");
        let mut there = LocalStream::new(there).expect("a stream");
        let sent: Vec<u8> = (0..4_000_000_u32).map(|at| at as u8).collect();
        let (written, read) = tokio::join!(
            async {
                here.write_all(&sent).await.expect("room");
                drop(here);
            },
            async {
                let mut read = Vec::new();
                there.read_to_end(&mut read).await.map(|_| read).expect("an end")
            },
        );
        assert_eq!(written, ());
        assert!(read == sent, "what came is not what was sent");
    }
}
