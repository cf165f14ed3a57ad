//! A client on an adopted connection, speaking JSON calls.

use super::DEADLINE;
use protocol::{
    CallHead, EncodeBody, FLAG_JSON, FLAG_OUTPUT, Failure, HEADER_BYTES, Header, Kind,
    body_from_slice,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

pub struct Client {
    pub slot: u32,
    pub generation: u32,
    stream: UnixStream,
    server: OwnedFd,
    next_id: u64,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Value(Value),
    /// With what the function printed.
    Printed(Vec<u8>, Value),
    Failure(Failure),
    HungUp,
}

impl Client {
    /// The server's end is put at `number`, as an executor must know it.
    pub fn new(number: RawFd, slot: u32, generation: u32) -> Self {
        let (stream, theirs) = UnixStream::pair().unwrap();
        // SAFETY: the number belongs to this supervisor's range.
        let server = unsafe {
            assert_eq!(libc::dup3(theirs.as_raw_fd(), number, libc::O_CLOEXEC), number);
            OwnedFd::from_raw_fd(number)
        };
        Self { slot, generation, stream, server, next_id: 1 }
    }

    pub fn server_fd(&self) -> BorrowedFd<'_> {
        self.server.as_fd()
    }

    pub fn call(&mut self, function: &str, arguments: Value) -> Answer {
        self.send(function, arguments, 0, 0);
        self.receive()
    }

    /// With what it prints.
    pub fn call_printing(&mut self, function: &str, arguments: Value) -> Answer {
        self.send(function, arguments, FLAG_OUTPUT, 0);
        self.receive()
    }

    /// Sends a call; returns its request id.
    pub fn send(&mut self, function: &str, arguments: Value, flags: u8, budget_ms: u32) -> u64 {
        let frame = self.frame(function, arguments, flags, budget_ms);
        self.send_bytes(&frame);
        self.next_id += 1;
        self.next_id - 1
    }

    /// The bytes of a call.
    pub fn frame(&self, function: &str, arguments: Value, flags: u8, budget_ms: u32) -> Vec<u8> {
        let flags = FLAG_JSON | flags;
        let header = Header { flags, budget_ms, ..Header::new(Kind::Call, self.next_id) };
        frame(header, function, arguments.to_string().as_bytes())
    }

    pub fn send_frame(&mut self, header: Header, function: &str, encoded: &[u8]) {
        self.send_bytes(&frame(header, function, encoded));
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer; panics when none comes in time.
    pub fn receive(&mut self) -> Answer {
        let Some((header, body)) = self.receive_frame() else { return Answer::HungUp };
        match header.kind {
            Kind::Failure => Answer::Failure(body_from_slice("failure", &body).unwrap()),
            Kind::Return if header.flags & FLAG_OUTPUT != 0 => {
                let (length, rest) = body.split_first_chunk::<4>().unwrap();
                let (printed, value) = rest.split_at(u32::from_le_bytes(*length) as usize);
                Answer::Printed(printed.to_vec(), serde_json::from_slice(value).unwrap())
            }
            Kind::Return => Answer::Value(serde_json::from_slice(&body).unwrap()),
            other => panic!("unexpected {other:?}"),
        }
    }

    /// `None` when the other side hung up.
    pub fn receive_frame(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
        assert_ne!(poll(&mut fds, Some(&DEADLINE)).unwrap(), 0, "no answer in time");
        let mut head = [0; HEADER_BYTES];
        if self.stream.read_exact(&mut head).is_err() {
            return None;
        }
        let header = Header::parse(&head, u32::MAX).unwrap().unwrap();
        let mut body = vec![0; header.length as usize];
        self.stream.read_exact(&mut body).unwrap();
        Some((header, body))
    }

    /// The kind of the next answer, looked for without sleeping, in one system call when it is there.
    pub fn spin_for_kind(&mut self) -> Kind {
        let mut bytes = [0; 4096];
        loop {
            match rustix::net::recv(&self.stream, &mut bytes[..], RecvFlags::DONTWAIT) {
                Ok((_, received)) => {
                    let header = Header::parse(&bytes[..received], u32::MAX).unwrap().unwrap();
                    assert_eq!(header.frame_bytes(), received);
                    return header.kind;
                }
                Err(Errno::AGAIN) => std::hint::spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Whether an answer, or a hang-up, is there.
    pub fn has_answer(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.stream, PollFlags::IN)], Some(&now)).unwrap() > 0
    }

    /// As epoll and the scoreboard name it.
    pub fn name(&self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// Takes the connection out of its pool and closes the supervisor's side.
    pub fn retire(self, epoll: &OwnedFd) {
        rustix::event::epoll::delete(epoll, &self.server).unwrap();
        rustix::net::shutdown(&self.server, rustix::net::Shutdown::Both).unwrap();
    }

    /// Hangs up, as a client that ends does.
    pub fn hang_up(&self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

fn frame(header: Header, function: &str, encoded: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let Ok(_) = frame.put_frame(header, |body| {
        CallHead { function }.put(body);
        body.extend_from_slice(encoded);
        Ok::<(), std::convert::Infallible>(())
    });
    frame
}
