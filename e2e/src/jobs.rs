//! A connection for jobs, as clients have one, that tells when it breaks.

use protocol::{
    AppName, ClientInfo, HEADER_BYTES, Header, Hello, JobOptions, JobReply, JobRequest, Kind,
    NewJob, PREFACE, Purpose, body_from_slice, control_frame,
};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest that an answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// No positional arguments and no named ones, in the value codec.
const NO_ARGUMENTS: [u8; 2] = [0, 0];

/// See the module.
#[derive(Debug)]
pub struct JobsWire {
    stream: UnixStream,
    request_id: u64,
}

impl JobsWire {
    /// Connects and shakes hands.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut wire = Self { stream, request_id: 0 };
        let purpose = Purpose::Jobs { app: AppName::default() };
        let hello = Hello { purpose, client: ClientInfo::default(), catalog_hash: 0, token: None };
        // At once, as clients do: between two pieces the worker may lose its patience.
        let frame = control_frame(Header::new(Kind::Hello, 0), &hello);
        wire.stream.write_all(&[&PREFACE[..], &frame].concat())?;
        match wire.frame()?.0.kind {
            Kind::Welcome => Ok(wire),
            other => Err(io::Error::other(format!("{other:?} instead of a Welcome"))),
        }
    }

    /// Sends a request, and waits for its answer.
    pub fn ask(&mut self, request: &JobRequest) -> io::Result<JobReply> {
        self.request_id += 1;
        let frame = control_frame(Header::new(Kind::JobRequest, self.request_id), request);
        self.send(&frame)?;
        let (header, body) = self.frame()?;
        assert_eq!((header.kind, header.request_id), (Kind::JobReply, self.request_id));
        body_from_slice("reply", &body).map_err(io::Error::other)
    }

    /// Queues a function that takes nothing.
    pub fn queue(&mut self, function: &str, options: JobOptions) -> io::Result<JobReply> {
        self.queue_with(function, NO_ARGUMENTS.to_vec(), options)
    }

    /// Queues a function with arguments in the value codec.
    pub fn queue_with(
        &mut self,
        function: &str,
        arguments: Vec<u8>,
        options: JobOptions,
    ) -> io::Result<JobReply> {
        let job = NewJob { function: function.to_owned(), arguments, options, ..NewJob::default() };
        self.ask(&JobRequest::Enqueue { jobs: vec![job], batch: None })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next frame; an error at the end.
    pub fn frame(&mut self) -> io::Result<(Header, Vec<u8>)> {
        let mut head = [0; HEADER_BYTES];
        self.stream.read_exact(&mut head)?;
        let header = Header::parse(&head, u32::MAX).map_err(io::Error::other)?;
        let header = header.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut body = vec![0; header.length as usize];
        self.stream.read_exact(&mut body)?;
        Ok((header, body))
    }
}
