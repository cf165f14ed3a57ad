//! Answers: frames built in memory of our own, and sent whole.

use super::accept::Call;
use super::clock::{NS_PER_MS, now_ns};
use super::codec::CodecError;
use super::cut;
use super::intake::wait_until;
use protocol::{Boot, ClosedReason, EncodeBody, FLAG_JSON, FLAG_OUTPUT, Failure, Header, Kind};
use rustix::event::PollFlags;
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Room that is kept between calls.
const KEPT_BYTES: usize = 64 * 1024;
/// What a peer must read within `PATIENCE_NS` for the executor to stay with it: a twentieth of what a
/// process that does nothing else reads in that time, so that one which shares its processor with
/// many others still does.
const STEP_BYTES: usize = 1024 * 1024;
/// Several turns of the scheduler. To hand an answer over costs a copy of it, and is not worth it for
/// less; and no caller should wait for longer because another does not read.
const PATIENCE_NS: u64 = 20 * NS_PER_MS;

/// The answer being made.
#[derive(Debug)]
pub(super) struct Answer {
    frame: Vec<u8>,
    release: u64,
    /// Of the membership.
    epoch: u32,
    /// Generation of the settings that the call runs with, 0 before one runs.
    settings: u16,
    frame_timeout_ns: u64,
    body_bytes_max: u32,
}

impl Answer {
    pub(super) fn new(boot: &Boot) -> Self {
        Self {
            frame: Vec::with_capacity(KEPT_BYTES),
            release: boot.release.0,
            epoch: 0,
            settings: 0,
            frame_timeout_ns: u64::from(boot.frame_timeout_ms) * NS_PER_MS,
            body_bytes_max: boot.frame_bytes_max,
        }
    }

    /// For the answers from now on.
    pub(super) fn set_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
    }

    /// For the answers from now on.
    pub(super) fn set_settings(&mut self, generation: u16) {
        self.settings = generation;
    }

    /// A frame with the value that `body` appends, after what the function printed if the caller
    /// asked for that.
    pub(super) fn put_return(
        &mut self,
        call: &Call<'_>,
        output: Option<&[u8]>,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let mut header = self.header(Kind::Return, &call.header);
        header.flags = call.header.flags & (FLAG_JSON | FLAG_OUTPUT);
        self.frame.clear();
        let put = self.frame.put_frame(header, |out| {
            if let Some(printed) = output {
                out.extend_from_slice(&u32::try_from(printed.len()).unwrap_or(0).to_le_bytes());
                out.extend_from_slice(printed);
            }
            body(out)
        });
        let bytes_max = call.codec.bytes_max;
        match put {
            Ok(length) if u32::try_from(length).is_ok_and(|length| length <= bytes_max) => Ok(()),
            Ok(length) => Err(too_large(length, bytes_max)),
            Err(error) => Err(error),
        }
    }

    pub(super) fn put_failure(&mut self, call: &Header, failure: &Failure) {
        let header = self.header(Kind::Failure, call);
        self.frame.clear();
        let body = cut::body(failure, self.body_bytes_max);
        let Ok(_) = self.frame.put_frame(header, |out| {
            out.extend_from_slice(&body);
            Ok::<(), std::convert::Infallible>(())
        });
    }

    /// Puts the bytes of another frame before it.
    pub(super) fn precede(&mut self, frame: &[u8]) {
        self.frame.splice(0..0, frame.iter().copied());
    }

    /// Sends the frame as long as its peer reads at a pace worth waiting for; gives back what is left.
    pub(super) fn send(&self, fd: BorrowedFd<'_>) -> Result<&[u8], ClosedReason> {
        let mut rest = self.frame.as_slice();
        while !rest.is_empty() {
            let step = &rest[..rest.len().min(STEP_BYTES)];
            let left = push(fd, step, PATIENCE_NS)?;
            rest = &rest[step.len() - left.len()..];
            if !left.is_empty() {
                break;
            }
        }
        Ok(rest)
    }

    /// Sends what is left; a peer that does not read it in time is given up.
    pub(super) fn send_rest(&self, fd: BorrowedFd<'_>, rest: &[u8]) -> Result<(), ClosedReason> {
        match push(fd, rest, self.frame_timeout_ns)? {
            [] => Ok(()),
            _ => Err(ClosedReason::Fault(self.too_slow())),
        }
    }

    /// Gives back the room that a large answer took.
    pub(super) fn shrink(&mut self) {
        if self.frame.capacity() > 4 * KEPT_BYTES {
            self.frame = Vec::with_capacity(KEPT_BYTES);
        }
    }

    fn header(&self, kind: Kind, call: &Header) -> Header {
        let mut header = Header::new(kind, call.request_id);
        header.release_id = self.release;
        header.epoch = self.epoch;
        header.settings = self.settings;
        header.trace = call.trace;
        header
    }

    fn too_slow(&self) -> String {
        let limit_ms = self.frame_timeout_ns / NS_PER_MS;
        format!("the peer did not read its answer within {limit_ms} ms (limits.frame_timeout_ms)")
    }
}

/// Sends what the peer takes; gives back what is left when it has taken this long, not counting what
/// it took at once.
fn push<'a>(
    fd: BorrowedFd<'_>,
    mut rest: &'a [u8],
    limit_ns: u64,
) -> Result<&'a [u8], ClosedReason> {
    let mut deadline_ns = 0;
    while !rest.is_empty() {
        match send(fd, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => rest = &rest[sent..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if deadline_ns == 0 {
                    deadline_ns = now_ns() + limit_ns;
                }
                if !wait_until(fd, PollFlags::OUT, deadline_ns) {
                    break;
                }
            }
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(ClosedReason::HungUp),
            Err(error) => return Err(ClosedReason::Fault(error.to_string())),
        }
    }
    Ok(rest)
}

fn too_large(length: usize, bytes_max: u32) -> CodecError {
    let reason = format!(
        "the result takes {length} bytes, more than the limit of {bytes_max} (limits.frame_bytes_max)"
    );
    CodecError::Refused(Failure::BadResult { path: "result".to_owned(), reason })
}
