//! The beginning of a connection: preface and exactly one Hello, not a byte more, because what
//! follows is for an executor.

use protocol::{
    BadFrame, HEADER_BYTES, HELLO_BYTES_MAX, Header, Hello, Kind, PREFACE_BYTES, Refused,
    RefusedCode, Welcome, body_from_slice, check_preface, control_frame,
};
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long, and for how many bytes, a refused peer is listened to, so that it gets its answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 64 * 1024;

/// Why there was no Hello.
#[derive(Debug, Error)]
pub(super) enum NoHello {
    #[error("said no Hello within {0} ms (limits.hello_timeout_ms)")]
    TooSlow(u128),
    #[error("hung up before it said Hello")]
    HungUp,
    #[error(transparent)]
    Bad(#[from] BadFrame),
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for NoHello {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Self::HungUp,
            _ => Self::Io(error),
        }
    }
}

/// Reads preface and Hello.
pub(super) async fn read_hello(
    stream: &mut (impl AsyncRead + Unpin),
    limit: Duration,
) -> Result<Hello, NoHello> {
    let reading = read_hello_unlimited(stream);
    timeout(limit, reading).await.map_err(|_| NoHello::TooSlow(limit.as_millis()))?
}

async fn read_hello_unlimited(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, NoHello> {
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface).await?;
    check_preface(preface)?;
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let malformed = BadFrame::Malformed { what: "header of Hello" };
    let header = Header::parse(&header, HELLO_BYTES_MAX)?.ok_or(malformed)?;
    if header.kind != Kind::Hello {
        return Err(BadFrame::Unexpected(header.kind).into());
    }
    let mut body = vec![0; header.length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body_from_slice("Hello", &body)?)
}

/// Answers a Hello with Welcome.
pub(super) async fn welcome(
    stream: &mut (impl AsyncWrite + Unpin),
    welcome: &Welcome,
    limit: Duration,
) -> io::Result<()> {
    let mut header = Header::new(Kind::Welcome, 0);
    header.release_id = welcome.release.0;
    header.epoch = welcome.membership.epoch;
    write_within(stream, &control_frame(header, welcome), limit).await
}

/// Answers with Refused; that the peer may not read it is its own affair.
pub(super) async fn refuse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    refused: &Refused,
    limit: Duration,
) {
    let frame = control_frame(Header::new(Kind::Refused, 0), refused);
    if write_within(stream, &frame, limit).await.is_ok() && stream.shutdown().await.is_ok() {
        // Closing a socket with bytes unread resets it, and the peer would lose the answer.
        let mut rest = stream.take(LINGER_BYTES_MAX);
        let _ =
            timeout(LINGER.min(limit), tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    }
}

/// Writes all of `bytes`, or fails with `TimedOut`.
pub(super) async fn write_within(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    limit: Duration,
) -> io::Result<()> {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    timeout(limit, writing).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// A refusal without near names.
pub(super) fn refusal(code: RefusedCode, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into(), near: Vec::new() }
}
