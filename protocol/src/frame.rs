//! Frames: a fixed 56-byte header, then `length` bytes of body.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | length of the body in bytes, u32 |
//! | 4 | 1 | kind |
//! | 5 | 1 | flags |
//! | 6 | 2 | generation of the application's settings, u16: in a call 0 = current; in an answer, the one it ran with |
//! | 8 | 8 | request id |
//! | 16 | 8 | release id: in a call 0 = any; in an answer, the release that ran it |
//! | 24 | 4 | deadline budget in milliseconds, 0 = none; what is left when the frame is written |
//! | 28 | 4 | membership epoch known to the sender |
//! | 32 | 16 | trace id (W3C), all zero = none |
//! | 48 | 8 | parent span id |
//!
//! All numbers are little-endian.

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Size of a header on the wire.
pub const HEADER_BYTES: usize = 56;

/// In a call: the caller wants what the function printed. In an answer: the body begins with the
/// printed bytes, preceded by their length as u32.
pub const FLAG_OUTPUT: u8 = 1;
/// The trace this frame belongs to is sampled.
pub const FLAG_SAMPLED: u8 = 2;
/// Arguments and result are JSON text instead of the value codec: for callers without PHP. A call's
/// arguments are a JSON array (positional) or object (named).
pub const FLAG_JSON: u8 = 4;
/// The call is an attempt at a job: its body begins with a [`crate::JobContext`]. From the supervisor
/// alone.
pub const FLAG_JOB: u8 = 8;
const FLAGS_KNOWN: u8 = FLAG_OUTPUT | FLAG_SAMPLED | FLAG_JSON | FLAG_JOB;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Client to worker, first frame of a connection; postcard [`crate::Hello`].
    Hello = 1,
    /// Worker to client; postcard [`crate::Welcome`].
    Welcome = 2,
    /// Worker to client, then the connection is closed; postcard [`crate::Refused`].
    Refused = 3,
    /// Client to executor; [`crate::CallHead`], then the arguments in the value codec.
    Call = 16,
    /// Executor to client; one value in the value codec.
    Return = 17,
    /// Executor or supervisor to client; postcard [`crate::Failure`].
    Failure = 18,
    /// Executor to supervisor, before the answer to the attempt at a job; postcard [`crate::Progress`].
    Progress = 19,
    /// Client to supervisor on a control connection; postcard [`crate::ControlRequest`].
    ControlRequest = 32,
    /// Supervisor to client; postcard [`crate::ControlReply`].
    ControlReply = 33,
    /// Client to supervisor on a connection for jobs; postcard [`crate::JobRequest`].
    JobRequest = 48,
    /// Supervisor to client; postcard [`crate::JobReply`].
    JobReply = 49,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Refused,
            16 => Self::Call,
            17 => Self::Return,
            18 => Self::Failure,
            19 => Self::Progress,
            32 => Self::ControlRequest,
            33 => Self::ControlReply,
            48 => Self::JobRequest,
            49 => Self::JobReply,
            _ => return None,
        })
    }
}

/// W3C trace context, carried so that a trace crosses the process boundary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
}

/// A decoded frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub length: u32,
    pub kind: Kind,
    pub flags: u8,
    pub request_id: u64,
    pub release_id: u64,
    /// In a call, the generation of settings that its request is pinned to, 0 = the current one; in
    /// an answer, the one that the call ran with.
    pub settings: u16,
    pub budget_ms: u32,
    pub epoch: u32,
    pub trace: TraceContext,
}

/// Why bytes are not a frame. The connection they came from is of no further use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadFrame {
    #[error("not an appserver peer: the connection did not begin with the preface \"APSV\"")]
    NotAppserver,
    #[error(
        "protocol version {theirs} is not spoken here (this side speaks {ours}); upgrade the older side"
    )]
    Version { ours: u16, theirs: u16 },
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    #[error("unknown or misplaced frame flags {0:#04x}")]
    UnknownFlags(u8),
    #[error("reserved bytes of the preface are not zero")]
    ReservedNotZero,
    #[error(
        "frame body of {length} bytes exceeds the limit of {limit} bytes (limits.frame_bytes_max)"
    )]
    TooLarge { length: u32, limit: u32 },
    #[error("unexpected {0:?} frame here")]
    Unexpected(Kind),
    #[error("malformed {what}")]
    Malformed { what: &'static str },
}

impl Header {
    /// A header with nothing but kind and request id.
    pub fn new(kind: Kind, request_id: u64) -> Self {
        Self {
            length: 0,
            kind,
            flags: 0,
            request_id,
            release_id: 0,
            settings: 0,
            budget_ms: 0,
            epoch: 0,
            trace: TraceContext::default(),
        }
    }

    /// The 56 bytes of this header.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = self.flags;
        bytes[6..8].copy_from_slice(&self.settings.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.request_id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.release_id.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.budget_ms.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.trace.trace_id);
        bytes[48..56].copy_from_slice(&self.trace.span_id);
        bytes
    }

    /// Reads a header from the front of `input`. `Ok(None)` means that more bytes are needed.
    ///
    /// `body_bytes_max` bounds the length before anybody allocates for it.
    pub fn parse(input: &[u8], body_bytes_max: u32) -> Result<Option<Self>, BadFrame> {
        let Some(bytes) = input.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = Self {
            length: u32_at(bytes, 0),
            kind: Kind::from_byte(bytes[4]).ok_or(BadFrame::UnknownKind(bytes[4]))?,
            flags: bytes[5],
            request_id: u64_at(bytes, 8),
            settings: u16::from_le_bytes([bytes[6], bytes[7]]),
            release_id: u64_at(bytes, 16),
            budget_ms: u32_at(bytes, 24),
            epoch: u32_at(bytes, 28),
            trace: TraceContext {
                trace_id: bytes[32..48].try_into().expect("16 bytes"),
                span_id: bytes[48..56].try_into().expect("8 bytes"),
            },
        };
        if header.flags & !FLAGS_KNOWN != 0 {
            return Err(BadFrame::UnknownFlags(header.flags));
        }
        if header.length > body_bytes_max {
            return Err(BadFrame::TooLarge { length: header.length, limit: body_bytes_max });
        }
        Ok(Some(header))
    }

    /// Size of the whole frame, header and body.
    pub fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.length as usize
    }
}

fn u32_at(bytes: &[u8; HEADER_BYTES], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("4 bytes"))
}

fn u64_at(bytes: &[u8; HEADER_BYTES], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("8 bytes"))
}

/// Appends a frame whose body a closure writes: the header is patched once the length is known.
pub trait EncodeBody {
    /// Appends header and body to `self`; returns the body's length, or what `body` failed with
    /// (then `self` is as before).
    fn put_frame<E>(
        &mut self,
        header: Header,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E>;
}

impl EncodeBody for Vec<u8> {
    fn put_frame<E>(
        &mut self,
        mut header: Header,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let start = self.len();
        self.extend_from_slice(&[0; HEADER_BYTES]);
        if let Err(error) = body(self) {
            self.truncate(start);
            return Err(error);
        }
        let length = self.len() - start - HEADER_BYTES;
        // Bodies are bounded by frame_bytes_max, itself a u32, before they come here.
        header.length = u32::try_from(length).unwrap_or(u32::MAX);
        self[start..start + HEADER_BYTES].copy_from_slice(&header.to_bytes());
        Ok(length)
    }
}

/// The bytes of a postcard body. Serialising our own messages into memory cannot fail.
pub fn body_to_vec<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_stdvec(message).expect("messages have no unserialisable parts")
}

/// Appends a postcard body to `out`.
pub fn append_body<T: Serialize>(out: &mut Vec<u8>, message: &T) {
    let written = postcard::to_extend(message, std::mem::take(out));
    *out = written.expect("messages have no unserialisable parts");
}

/// Reads a postcard body; trailing bytes are an error.
pub fn body_from_slice<T: DeserializeOwned>(
    what: &'static str,
    body: &[u8],
) -> Result<T, BadFrame> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(BadFrame::Malformed { what }),
    }
}

/// A complete frame with a postcard body.
pub fn control_frame<T: Serialize>(mut header: Header, message: &T) -> Vec<u8> {
    let body = body_to_vec(message);
    header.length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    frame.extend_from_slice(&header.to_bytes());
    frame.extend_from_slice(&body);
    frame
}
