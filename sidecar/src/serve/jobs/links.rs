//! Connections to pools, over which attempts are called; idle ones are used again.

use super::super::connections::ConnectionId;
use super::super::event::{Event, Verdict};
use super::local_stream::LocalStream;
use super::runner::{Foreman, PEER};
use protocol::{AppName, ClientInfo, HEADER_BYTES, Header, Hello, Purpose, ReleaseId};
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};

/// Idle connections that are kept for each pool.
const IDLE_MAX: usize = 64;
/// What is allocated before any byte of a body has come, at most.
const FIRST_BYTES_MAX: usize = 64 * 1024;
/// Room for most answers with what comes before them, so that one read takes both.
const READ_BYTES: usize = 4 * 1024;

/// A connection to a pool.
pub(super) struct Link {
    stream: BufReader<LocalStream>,
    pub(super) id: ConnectionId,
}

impl Link {
    pub(super) async fn read_frame(
        &mut self,
        frame_bytes_max: u32,
    ) -> io::Result<(Header, Vec<u8>)> {
        let mut head = [0; HEADER_BYTES];
        self.stream.read_exact(&mut head).await?;
        let header = Header::parse(&head, frame_bytes_max).map_err(io::Error::other)?;
        let header = header.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut body = Vec::with_capacity((header.length as usize).min(FIRST_BYTES_MAX));
        let stream = &mut self.stream;
        stream.take(header.length.into()).read_to_end(&mut body).await?;
        match body.len() == header.length as usize {
            true => Ok((header, body)),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    pub(super) async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(frame).await
    }

    /// Says that nothing comes any more, and waits for the other end to go.
    pub(super) async fn hang_up(mut self) {
        // Either end of it may be gone already.
        let _ = self.stream.get_mut().shutdown().await;
        let _ = tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await;
    }

    /// Whether nobody hung up, and nothing has come that nobody waits for.
    fn is_idle(&self) -> bool {
        self.stream.buffer().is_empty() && self.stream.get_ref().is_silent()
    }
}

impl Foreman {
    /// An idle connection that nobody hung up, or a new one.
    pub(super) async fn link(&self, pool: &(AppName, String)) -> Result<Link, String> {
        loop {
            let idle = self.shared().idle.get_mut(pool).and_then(Vec::pop);
            let Some(link) = idle else {
                return self.connect(pool).await;
            };
            if link.is_idle() {
                return Ok(link);
            }
        }
    }

    pub(super) fn keep(&self, pool: (AppName, String), link: Link) {
        let mut shared = self.shared();
        let idle = shared.idle.entry(pool).or_default();
        if idle.len() < IDLE_MAX {
            idle.push(link);
        }
    }

    async fn connect(&self, pool: &(AppName, String)) -> Result<Link, String> {
        let (inside, executors) = StdUnixStream::pair().map_err(|error| error.to_string())?;
        inside.set_nonblocking(true).map_err(|error| error.to_string())?;
        let stream = LocalStream::new(inside).map_err(|error| error.to_string())?;
        let stream = BufReader::with_capacity(READ_BYTES, stream);
        let (app, name) = pool.clone();
        let purpose = Purpose::Calls { app, pool: name, release: ReleaseId::ANY };
        let client = ClientInfo::default();
        let hello = Hello { purpose, client, catalog_hash: 0, token: None };
        match self.door.ask(hello, PEER.to_owned(), executors.into()).await {
            Some(Verdict::Adopt { id, .. }) => {
                let _ = self.door.events.send(Event::Welcomed(id)).await;
                Ok(Link { stream, id })
            }
            Some(Verdict::Refuse(refused)) => Err(refused.message),
            Some(Verdict::Control { .. } | Verdict::Jobs { .. }) | None => {
                Err("the worker is stopping".to_owned())
            }
        }
    }
}
