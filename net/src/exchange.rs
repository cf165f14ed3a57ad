//! Whole frames, and the handshake that begins every connection.

use crate::{Ready, Socket, wait};
use protocol::{
    BadFrame, FRAME_BYTES_MAX_DEFAULT, HEADER_BYTES, Header, Hello, Kind, PREFACE, Refused,
    Welcome, body_from_slice, control_frame,
};
use std::cmp::Ordering;
use std::io::{self, ErrorKind};
use std::time::Instant;
use thiserror::Error;

/// Room for a header and a short body at the first look.
const FIRST_BYTES: usize = 4096;

const TRAILING: BadFrame = BadFrame::Malformed { what: "end of a frame" };

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// The socket is broken, or (`TimedOut`) the deadline passed, or (`UnexpectedEof`) the worker
    /// closed the connection.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The worker said no.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// What came is not the protocol.
    #[error(transparent)]
    Bad(#[from] BadFrame),
}

/// Says hello on a fresh connection, and waits for the welcome.
pub fn shake_hands(
    socket: &mut Socket,
    hello: &Hello,
    deadline: Instant,
) -> Result<Welcome, ExchangeError> {
    let mut bytes = PREFACE.to_vec();
    bytes.extend(control_frame(Header::new(Kind::Hello, 0), hello));
    send_all(socket, &bytes, deadline)?;
    let (header, body) = receive_frame(socket, FRAME_BYTES_MAX_DEFAULT, deadline)?;
    match header.kind {
        Kind::Welcome => Ok(body_from_slice("Welcome", &body)?),
        Kind::Refused => Err(ExchangeError::Refused(body_from_slice("Refused", &body)?)),
        kind => Err(BadFrame::Unexpected(kind).into()),
    }
}

/// Sends all of `bytes` before `deadline`. A signal does not interrupt it.
pub fn send_all(socket: &mut Socket, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    loop {
        match socket.send(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if is_transient(&error) => await_socket(socket, true, deadline)?,
            Err(error) => return Err(error),
        }
        if bytes.is_empty() {
            if socket.flush()? {
                return Ok(());
            }
            await_socket(socket, true, deadline)?;
        }
    }
}

/// Receives one frame, whose body has at most `bytes_max` bytes, before `deadline`. A signal does not
/// interrupt it.
pub fn receive_frame(
    socket: &mut Socket,
    bytes_max: u32,
    deadline: Instant,
) -> Result<(Header, Vec<u8>), ExchangeError> {
    let mut frame = Vec::with_capacity(FIRST_BYTES);
    let mut wanted = HEADER_BYTES;
    loop {
        if let Some(header) = Header::parse(&frame, bytes_max)? {
            wanted = header.frame_bytes();
            // Nothing may follow: one side speaks at a time.
            match frame.len().cmp(&wanted) {
                Ordering::Less => {}
                Ordering::Equal => return Ok((header, frame.split_off(HEADER_BYTES))),
                Ordering::Greater => return Err(TRAILING.into()),
            }
        }
        frame.reserve(wanted - frame.len());
        match socket.receive(&mut frame) {
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(_) => {}
            Err(error) if is_transient(&error) => await_socket(socket, false, deadline)?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn await_socket(socket: &Socket, write: bool, deadline: Instant) -> io::Result<()> {
    match wait(socket.waiting(write), Some(deadline)) {
        Ready::Yes | Ready::Interrupted => Ok(()),
        Ready::TimedOut => Err(ErrorKind::TimedOut.into()),
    }
}

/// Whether the same read or write may succeed later: there was nothing to do, or a signal came.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
