//! Reads one frame of a connection into memory of our own.

use super::clock::{NS_PER_MS, now_ns};
use protocol::{HEADER_BYTES, Header};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// Room that is kept between calls.
const KEPT_BYTES: usize = 64 * 1024;
/// Most room made at once for bytes that have only been announced.
const STEP_BYTES: usize = 1024 * 1024;

/// The input of the connection that is being served.
#[derive(Debug)]
pub(super) struct Intake {
    bytes: Vec<u8>,
    body_bytes_max: u32,
    frame_timeout_ns: u64,
}

/// What became of reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Frame(Header),
    /// Nothing has arrived.
    Nothing,
    HungUp,
    /// The connection is of no further use, and why.
    Fault(String),
}

impl Intake {
    pub(super) fn new(body_bytes_max: u32, frame_timeout_ms: u32) -> Self {
        let frame_timeout_ns = u64::from(frame_timeout_ms) * NS_PER_MS;
        Self { bytes: Vec::with_capacity(KEPT_BYTES), body_bytes_max, frame_timeout_ns }
    }

    /// The body of the frame last read.
    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }

    /// Reads a frame. Without a first byte it returns at once; with one, the rest must follow within
    /// the frame timeout, and `waiting` is told once that it has not arrived yet.
    pub(super) fn read(&mut self, fd: BorrowedFd<'_>, waiting: impl Fn()) -> Read {
        self.bytes.clear();
        let mut deadline_ns = 0;
        loop {
            match recv(fd, spare_capacity(&mut self.bytes), RecvFlags::DONTWAIT) {
                Ok((_, 0)) if self.bytes.is_empty() => return Read::HungUp,
                Ok((_, 0)) => return Read::Fault("hung up in the middle of a frame".to_owned()),
                Ok(_) => {}
                Err(Errno::AGAIN) if self.bytes.is_empty() => return Read::Nothing,
                Err(Errno::AGAIN) => {
                    if deadline_ns == 0 {
                        waiting();
                        deadline_ns = now_ns() + self.frame_timeout_ns;
                    }
                    if !wait_until(fd, PollFlags::IN, deadline_ns) {
                        return Read::Fault(self.too_slow());
                    }
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(Errno::CONNRESET) => return Read::HungUp,
                Err(error) => return Read::Fault(error.to_string()),
            }
            match self.complete() {
                Ok(Some(header)) => return Read::Frame(header),
                Ok(None) => {}
                Err(reason) => return Read::Fault(reason),
            }
        }
    }

    /// Gives back the room that a large frame took.
    pub(super) fn shrink(&mut self) {
        if self.bytes.capacity() > 4 * KEPT_BYTES {
            self.bytes = Vec::with_capacity(KEPT_BYTES);
        }
    }

    fn complete(&mut self) -> Result<Option<Header>, String> {
        let parsed = Header::parse(&self.bytes, self.body_bytes_max);
        let Some(header) = parsed.map_err(|bad| bad.to_string())? else { return Ok(None) };
        let whole = header.frame_bytes();
        if self.bytes.len() > whole {
            return Err("bytes after a frame: a connection carries one call at a time".to_owned());
        }
        let missing = whole - self.bytes.len();
        if missing == 0 {
            return Ok(Some(header));
        }
        // One byte more than announced, so that what follows a frame is seen.
        self.bytes.reserve(missing.min(STEP_BYTES) + 1);
        Ok(None)
    }

    fn too_slow(&self) -> String {
        let limit_ms = self.frame_timeout_ns / NS_PER_MS;
        format!("a frame was not complete within {limit_ms} ms (limits.frame_timeout_ms)")
    }
}

/// Waits for the descriptor; false when the deadline passed first.
pub(super) fn wait_until(fd: BorrowedFd<'_>, flags: PollFlags, deadline_ns: u64) -> bool {
    loop {
        let left_ns = deadline_ns.saturating_sub(now_ns());
        if left_ns == 0 {
            return false;
        }
        let left = Timespec {
            tv_sec: i64::try_from(left_ns / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(left_ns % 1_000_000_000).unwrap_or(0),
        };
        match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&left)) {
            Ok(0) => return false,
            Err(Errno::INTR) => {}
            // An error shows again, and by name, in the call that follows.
            Ok(_) | Err(_) => return true,
        }
    }
}
