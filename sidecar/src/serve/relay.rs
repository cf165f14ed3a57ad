//! Whole frames between a remote caller and its pool, one call at a time.
//!
//! A request goes to the pool only when all of it is here, and an answer is taken from the executor
//! as fast as it writes; what waits for a remote peer waits in memory, within a limit for each frame
//! and for all together.

use super::door::Door;
use super::handshake::write_within;
use protocol::{BadFrame, FLAG_JOB, Failure, HEADER_BYTES, Header, Kind, body_to_vec};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// Memory is counted in pieces of this many bytes.
const PIECE_BYTES: usize = 1024;
/// What is allocated before any byte of a body has come, at most.
const FIRST_BYTES_MAX: usize = 64 * 1024;

/// A remote connection and the adopted one behind it.
pub(super) struct Relay<'a, S> {
    pub(super) remote: S,
    pub(super) inside: UnixStream,
    pub(super) door: &'a Door,
}

/// Why a remote connection was closed.
#[derive(Debug, Error)]
pub(super) enum RelayError {
    #[error(transparent)]
    Bad(#[from] BadFrame),
    #[error("a begun frame did not arrive within {0} ms (limits.frame_timeout_ms)")]
    TooSlow(u128),
    #[error("it did not read an answer within {0} ms (limits.frame_timeout_ms)")]
    NotReading(u128),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Relay<'_, S> {
    /// Relays until one side hangs up between calls.
    pub(super) async fn run(mut self) -> Result<(), RelayError> {
        loop {
            let Some(request) = self.read_request().await? else {
                return Ok(());
            };
            let id = request.header.request_id;
            if self.inside.write_all(&request.bytes).await.is_err() {
                return Ok(());
            }
            drop(request);
            let Some(answer) = self.read_answer(id).await? else {
                return Ok(());
            };
            let limit = self.door.settings.frame_timeout;
            match write_within(&mut self.remote, &answer.bytes, limit).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(RelayError::NotReading(limit.as_millis()));
                }
                Err(_) => return Ok(()),
            }
        }
    }

    /// The next call; `None` when the peer hung up, or the worker did.
    async fn read_request(&mut self) -> Result<Option<Frame>, RelayError> {
        let mut head = [0; HEADER_BYTES];
        let mut nothing = [0; 1];
        let begun = tokio::select! {
            begun = self.remote.read(&mut head[..1]) => begun.unwrap_or(0),
            // Between calls the executors send nothing; it becomes readable when they hang up.
            _ = self.inside.read(&mut nothing) => 0,
        };
        if begun == 0 {
            return Ok(None);
        }
        let limit = self.door.settings.frame_timeout;
        let rest = self.read_rest(head);
        timeout(limit, rest).await.map_err(|_| RelayError::TooSlow(limit.as_millis()))?.map(Some)
    }

    async fn read_rest(&mut self, mut head: [u8; HEADER_BYTES]) -> Result<Frame, RelayError> {
        self.remote.read_exact(&mut head[1..]).await?;
        let header = self.parse(&head)?;
        if header.kind != Kind::Call {
            return Err(BadFrame::Unexpected(header.kind).into());
        }
        // Attempts at jobs come from the worker itself.
        if header.flags & FLAG_JOB != 0 {
            return Err(BadFrame::UnknownFlags(header.flags).into());
        }
        let pieces = pieces(header.frame_bytes());
        let memory = Arc::clone(&self.door.remote_memory).acquire_many_owned(pieces).await;
        let memory = memory.map_err(io::Error::other)?;
        read_body(&mut self.remote, head, header, memory).await
    }

    /// The answer of an executor, read at once whatever the peer does; `None` when it hung up.
    async fn read_answer(&mut self, id: u64) -> Result<Option<Frame>, RelayError> {
        let mut head = [0; HEADER_BYTES];
        if self.inside.read_exact(&mut head).await.is_err() {
            return Ok(None);
        }
        let mut header = self.parse(&head)?;
        // Executors do not know the list of workers; remote callers learn of a change here.
        header.epoch = self.door.epoch.load(Ordering::Relaxed);
        let memory = Arc::clone(&self.door.remote_memory)
            .try_acquire_many_owned(pieces(header.frame_bytes()));
        let Ok(memory) = memory else {
            return self.discard(header, id).await.map(Some);
        };
        read_body(&mut self.inside, header.to_bytes(), header, memory).await.map(Some)
    }

    /// Frees the executor although there is no memory for its answer, and says so to the caller.
    async fn discard(&mut self, header: Header, id: u64) -> Result<Frame, RelayError> {
        let mut rest = (&mut self.inside).take(header.length.into());
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        let reason = "answers to remote callers fill limits.remote_bytes_max".to_owned();
        let body = body_to_vec(&Failure::Unavailable { reason, ran: true });
        let mut header = Header { kind: Kind::Failure, flags: 0, request_id: id, ..header };
        header.length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let bytes = [header.to_bytes().as_slice(), &body].concat();
        Ok(Frame { header, bytes, _memory: None })
    }

    fn parse(&self, head: &[u8; HEADER_BYTES]) -> Result<Header, BadFrame> {
        let limit = self.door.settings.daemon.limits.frame_bytes_max;
        Header::parse(head, limit)?.ok_or(BadFrame::Malformed { what: "header" })
    }
}

/// A frame in memory.
struct Frame {
    header: Header,
    bytes: Vec<u8>,
    _memory: Option<OwnedSemaphorePermit>,
}

async fn read_body(
    source: &mut (impl AsyncRead + Unpin),
    head: [u8; HEADER_BYTES],
    header: Header,
    memory: OwnedSemaphorePermit,
) -> Result<Frame, RelayError> {
    let mut bytes = Vec::with_capacity(header.frame_bytes().min(FIRST_BYTES_MAX));
    bytes.extend_from_slice(&head);
    source.take(header.length.into()).read_to_end(&mut bytes).await?;
    if bytes.len() < header.frame_bytes() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Frame { header, bytes, _memory: Some(memory) })
}

/// What a frame costs of the common limit.
pub(super) fn pieces(frame_bytes: usize) -> u32 {
    u32::try_from(frame_bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX)
}
