//! A connection for jobs: requests and answers, one at a time.

use super::super::door::Door;
use super::super::handshake::write_within;
use super::super::relay::pieces;
use super::Jobs;
use super::command::Command;
use super::held::held_bytes;
use super::local_stream::LocalStream;
use super::verdict::refused;
use jobs::check_count;
use protocol::{
    AppName, BadFrame, HEADER_BYTES, Header, JobRefusal, JobReply, JobRequest, Kind,
    body_from_slice, control_frame,
};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

/// What is read at once: most requests whole.
const READ_BYTES: usize = 4096;
/// What a request may take beyond its frame without being counted: a few jobs.
const FREE_BYTES: usize = 4096;
/// Why more jobs are refused than fit in memory just now.
const TOO_MUCH: &str = "its jobs take more memory than is free of limits.job_bytes_max: queue fewer at a time, \
                        or later";
/// A buffer that grew larger is given back after its request.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// Longest that an answer may be waited for.
const WAIT_MS_MAX: u64 = 24 * 3600 * 1000;

/// As [`serve`], on the thread that keeps jobs.
pub(in crate::serve) fn serve_here(
    stream: UnixStream,
    app: AppName,
    door: Door,
    place: OwnedSemaphorePermit,
) {
    let stream = match stream.into_std() {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!("connection for jobs closed: {error}"),
    };
    door.jobs.clone().spawn(async move {
        match LocalStream::new(stream) {
            Ok(stream) => serve(stream, app, door, place).await,
            Err(error) => tracing::warn!("connection for jobs closed: {error}"),
        }
    });
}

/// Answers until the peer hangs up, speaks nonsense, or the worker stops.
pub(in crate::serve) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    app: AppName,
    door: Door,
    _place: OwnedSemaphorePermit,
) {
    let jobs = door.jobs.clone();
    let mut peer = Peer { stream, buffer: Vec::new(), app, jobs, door };
    loop {
        match peer.answer_one().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::warn!("connection for jobs closed: {error}"),
        }
    }
}

struct Peer<S> {
    stream: S,
    /// What was read and not used yet.
    buffer: Vec<u8>,
    app: AppName,
    jobs: Jobs,
    door: Door,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// `false` when the peer has hung up between requests, or the worker has stopped. A request that
    /// was sent on is answered first: it may be on disk.
    async fn answer_one(&mut self) -> io::Result<bool> {
        let closed = self.door.closed.clone();
        if self.buffer.is_empty() {
            let more = tokio::select! {
                more = self.read_more(READ_BYTES) => more?,
                () = closed.cancelled() => false,
            };
            if !more {
                return Ok(false);
            }
        }
        if closed.is_cancelled() {
            return Ok(false);
        }
        let limit = self.door.settings.frame_timeout;
        let header =
            timeout(limit, self.read_header()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        // Before any of a large body is read.
        let memory = Arc::clone(&self.door.job_memory)
            .acquire_many_owned(pieces(header.frame_bytes()))
            .await;
        let memory = memory.map_err(io::Error::other)?;
        timeout(limit, self.read_up_to(header.frame_bytes()))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        let body = &self.buffer[HEADER_BYTES..header.frame_bytes()];
        let request: JobRequest = body_from_slice("request for jobs", body).map_err(invalid)?;
        self.buffer.drain(..header.frame_bytes());
        if self.buffer.capacity() > KEPT_BYTES_MAX {
            self.buffer.shrink_to(READ_BYTES);
        }
        let answer = match self.surplus(&request, header.frame_bytes()) {
            Ok(surplus) => self.ask(request, [memory, surplus]).await,
            Err(refusal) => {
                // Whoever does not read it keeps nothing from others.
                drop((request, memory));
                Some(JobReply::Refused(refusal))
            }
        };
        let Some(answer) = answer else {
            return Ok(false);
        };
        let mut header = Header::new(Kind::JobReply, header.request_id);
        header.epoch = self.door.epoch.load(Ordering::Relaxed);
        let mut frame = control_frame::<JobReply>(header, &answer);
        let memory = Arc::clone(&self.door.job_memory).try_acquire_many_owned(pieces(frame.len()));
        if memory.is_err() && !is_owed(&answer) {
            let refused = refused("answers that nobody reads fill limits.job_bytes_max: ask again");
            frame = control_frame::<JobReply>(header, &refused);
        }
        drop(answer);
        write_within(&mut self.stream, &frame, limit).await?;
        Ok(true)
    }

    /// Memory for what a request takes beyond its frame.
    fn surplus(
        &self,
        request: &JobRequest,
        frame_bytes: usize,
    ) -> Result<OwnedSemaphorePermit, JobRefusal> {
        // First: whoever is told of memory tries another worker.
        if let JobRequest::Enqueue { jobs, .. } = request {
            check_count(jobs)?;
        }
        let surplus = held_bytes(request).saturating_sub(frame_bytes + FREE_BYTES);
        // To wait with what it holds could be to wait for others who do the same.
        let memory = Arc::clone(&self.door.job_memory).try_acquire_many_owned(pieces(surplus));
        memory.map_err(|_| JobRefusal::Unavailable { reason: TOO_MUCH.to_owned() })
    }

    /// The answer; nothing when the peer has hung up meanwhile, or nobody can say what became of it.
    async fn ask(
        &mut self,
        request: JobRequest,
        memory: [OwnedSemaphorePermit; 2],
    ) -> Option<JobReply> {
        let patience = match &request {
            JobRequest::Await { id, wait_ms } => {
                Some((JobRequest::Find { id: *id }, *id, *wait_ms))
            }
            JobRequest::AwaitBatch { id, wait_ms } => {
                Some((JobRequest::Batch { id: *id }, *id, *wait_ms))
            }
            _ => None,
        };
        let answer = self.forward(request);
        let Some((instead, id, wait_ms)) = patience else {
            let asked = self.jobs.asked();
            let answer = answer.await;
            drop((memory, asked));
            return answer;
        };
        // It may take long, and holds nothing of its frame.
        drop(memory);
        // Dropped after what it awaits.
        let mut patience = Patience { jobs: self.jobs.clone(), awaits: Some(id.seq()) };
        let wait = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let mut byte = [0; 1];
        tokio::select! {
            answer = timeout(wait, answer) => match answer {
                Ok(answer) => {
                    patience.awaits = None;
                    answer
                }
                Err(_) => self.forward(instead).await,
            },
            // Nothing is to be read before the answer but the end.
            _ = self.stream.read(&mut byte) => None,
        }
    }

    fn forward(&self, request: JobRequest) -> impl Future<Output = Option<JobReply>> + use<S> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Command::Request { app: self.app.clone(), request, reply });
        async move {
            match answer.await {
                Err(_) if !sent => Some(refused("the worker is stopping")),
                answer => answer.ok(),
            }
        }
    }

    async fn read_header(&mut self) -> io::Result<Header> {
        self.read_up_to(HEADER_BYTES).await?;
        let limit = self.door.settings.daemon.limits.frame_bytes_max;
        let malformed = BadFrame::Malformed { what: "header of a request for jobs" };
        let header = Header::parse(&self.buffer, limit).and_then(|header| header.ok_or(malformed));
        let header = header.map_err(invalid)?;
        if header.kind != Kind::JobRequest {
            return Err(invalid(BadFrame::Unexpected(header.kind)));
        }
        Ok(header)
    }

    /// Until so many bytes are in the buffer.
    async fn read_up_to(&mut self, bytes: usize) -> io::Result<()> {
        while self.buffer.len() < bytes {
            let missing = bytes - self.buffer.len();
            if !self.read_more(missing.clamp(READ_BYTES, KEPT_BYTES_MAX)).await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// `false` at the end.
    async fn read_more(&mut self, room: usize) -> io::Result<bool> {
        self.buffer.reserve(room);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

/// Whether it says what is on disk now: it cannot be asked for again, and is small.
fn is_owed(answer: &JobReply) -> bool {
    matches!(answer, JobReply::Accepted { .. } | JobReply::Refused(_))
}

/// Somebody who awaits the end of a job or batch, by its number: who is not told before he goes is
/// forgotten by the keeper.
struct Patience {
    jobs: Jobs,
    awaits: Option<u64>,
}

impl Drop for Patience {
    fn drop(&mut self) {
        if let Some(seq) = self.awaits {
            self.jobs.send(Command::GaveUp { seq });
        }
    }
}

fn invalid(fault: BadFrame) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}
