//! A connection for jobs without PHP: what loads a worker, and shows what it takes.

use anyhow::{Context, Result, bail};
use net::{Address, Socket, connect, receive_frame, send_all, shake_hands};
use protocol::{
    AppName, ClientInfo, FRAME_BYTES_MAX_DEFAULT, Header, Hello, JobId, JobOptions, JobReply,
    JobRequest, JobState, Kind, NewJob, Purpose, body_from_slice, control_frame,
};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest that any answer takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// No positional arguments and no named ones, in the value codec.
const NO_ARGUMENTS: [u8; 2] = [0, 0];
/// Function that does nothing, of the bench's application.
const FUNCTION: &str = "nothing";

pub(super) struct Wire {
    pub(super) socket: Socket,
}

impl Wire {
    pub(super) fn connect(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        let mut socket = connect(&Address::Unix(socket.to_owned()), None, deadline)?;
        let purpose = Purpose::Jobs { app: AppName::default() };
        let hello = Hello { purpose, client: ClientInfo::default(), catalog_hash: 0, token: None };
        shake_hands(&mut socket, &hello, deadline)?;
        Ok(Self { socket })
    }

    pub(super) fn ask(&mut self, request: &JobRequest) -> Result<JobReply> {
        let deadline = Instant::now() + PATIENCE;
        send_all(&mut self.socket, &frame(request), deadline)?;
        self.answer()
    }

    /// The answer to what was sent before.
    pub(super) fn answer(&mut self) -> Result<JobReply> {
        let deadline = Instant::now() + PATIENCE;
        let (header, body) = receive_frame(&mut self.socket, FRAME_BYTES_MAX_DEFAULT, deadline)?;
        match header.kind {
            Kind::JobReply => Ok(body_from_slice("reply", &body)?),
            other => bail!("{other:?} is no answer to a request for jobs"),
        }
    }

    /// Stores them in one request; the id of the last.
    pub(super) fn enqueue(&mut self, jobs: Vec<NewJob>) -> Result<JobId> {
        match self.ask(&JobRequest::Enqueue { jobs, batch: None })? {
            JobReply::Accepted { jobs, .. } => Ok(jobs.last().context("no job was stored")?.id),
            other => bail!("jobs were not stored: {other:?}"),
        }
    }

    /// Waits until a job is done.
    pub(super) fn done(&mut self, id: JobId) -> Result<()> {
        let wait_ms = u64::try_from(PATIENCE.as_millis())? / 2;
        match self.ask(&JobRequest::Await { id, wait_ms })? {
            JobReply::Job(Some(report)) if report.state == JobState::Done => Ok(()),
            other => bail!("a job is not done: {other:?}"),
        }
    }
}

pub(super) fn frame(request: &JobRequest) -> Vec<u8> {
    control_frame(Header::new(Kind::JobRequest, 1), request)
}

/// One that does nothing.
pub(super) fn job(options: JobOptions) -> NewJob {
    let (function, arguments) = (FUNCTION.to_owned(), NO_ARGUMENTS.to_vec());
    NewJob { function, arguments, options, ..NewJob::default() }
}

pub(super) fn in_queue(queue: &str) -> JobOptions {
    JobOptions { queue: Some(queue.to_owned()), ..JobOptions::default() }
}
