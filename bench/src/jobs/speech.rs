//! How a job is left with each server, and how it says that it has it.

use super::load::HELD;
use super::wire::{Wire, frame, in_queue, job};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use net::{Address, Socket, connect, is_transient, send_all};
use protocol::{
    FRAME_BYTES_MAX_DEFAULT, HEADER_BYTES, Header, JobReply, JobRequest, body_from_slice,
};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest that a request takes to leave.
const PATIENCE: Duration = Duration::from_secs(30);
/// Room for an answer; most are far shorter.
const ANSWER_BYTES: usize = 4096;
/// Packets of Gearman's protocol.
const SUBMIT_JOB_BACKGROUND: u32 = 18;
const JOB_CREATED: [u8; 8] = *b"\0RES\0\0\0\x08";
const GEARMAN_HEADER_BYTES: usize = 12;

/// Whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Speech {
    Appserver,
    Gearman,
    Beanstalkd,
    Redis,
}

impl Speech {
    /// `address` is a unix socket; Gearman's is `HOST:PORT`.
    pub(super) fn connect(self, address: &str) -> Result<Link> {
        let deadline = Instant::now() + PATIENCE;
        let socket = match (self, address.rsplit_once(':')) {
            (Self::Appserver, _) => Wire::connect(Path::new(address))?.socket,
            (Self::Gearman, Some((host, port))) => {
                let address = Address::Tcp { host: host.to_owned(), port: port.parse()? };
                connect(&address, None, deadline)?
            }
            _ => connect(&Address::Unix(address.into()), None, deadline)?,
        };
        Ok(Link { socket, inbound: Vec::with_capacity(ANSWER_BYTES) })
    }

    /// One job that nobody runs.
    pub(super) fn request(self) -> Vec<u8> {
        match self {
            Self::Appserver => {
                frame(&JobRequest::Enqueue { jobs: vec![job(in_queue(HELD))], batch: None })
            }
            Self::Gearman => {
                // Function, unique key, workload.
                let body = b"nothing\0\0world";
                let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
                [&b"\0REQ"[..], &SUBMIT_JOB_BACKGROUND.to_be_bytes(), &length.to_be_bytes(), body]
                    .concat()
            }
            Self::Beanstalkd => b"put 0 0 60 5\r\nworld\r\n".to_vec(),
            Self::Redis => b"*3\r\n$5\r\nLPUSH\r\n$4\r\njobs\r\n$5\r\nworld\r\n".to_vec(),
        }
    }

    /// Whether a whole answer is there; an error if it is another one than that the job is stored.
    fn is_stored(self, answer: &[u8]) -> Result<bool> {
        match self {
            Self::Appserver => is_accepted(answer),
            Self::Gearman => is_created(answer),
            Self::Beanstalkd => is_line(answer, b"INSERTED "),
            Self::Redis => is_line(answer, b":"),
        }
    }
}

fn is_accepted(answer: &[u8]) -> Result<bool> {
    let header = Header::parse(answer, FRAME_BYTES_MAX_DEFAULT)?;
    let Some(header) = header.filter(|header| header.frame_bytes() <= answer.len()) else {
        return Ok(false);
    };
    match body_from_slice("reply", &answer[HEADER_BYTES..header.frame_bytes()])? {
        JobReply::Accepted { .. } => Ok(true),
        other => bail!("a job was not stored: {other:?}"),
    }
}

fn is_created(answer: &[u8]) -> Result<bool> {
    let Some((head, handle)) = answer.split_at_checked(GEARMAN_HEADER_BYTES) else {
        return Ok(false);
    };
    ensure!(head.starts_with(&JOB_CREATED), "gearmand does not take a job: {head:?}");
    let length = head.last_chunk::<4>().context("the length of a packet")?;
    Ok(handle.len() >= u32::from_be_bytes(*length) as usize)
}

fn is_line(answer: &[u8], stored: &[u8]) -> Result<bool> {
    if !answer.ends_with(b"\r\n") {
        return Ok(false);
    }
    ensure!(answer.starts_with(stored), "not stored: {}", String::from_utf8_lossy(answer));
    Ok(true)
}

/// A connection with one job on the way.
pub(super) struct Link {
    socket: Socket,
    inbound: Vec<u8>,
}

impl Link {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.waiting(false).fd
    }

    pub(super) fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(send_all(&mut self.socket, request, Instant::now() + PATIENCE)?)
    }

    /// Takes what has arrived; whether the job is stored.
    pub(super) fn receive(&mut self, speech: Speech) -> Result<bool> {
        self.inbound.reserve(ANSWER_BYTES);
        match self.socket.receive(&mut self.inbound) {
            Ok(0) => bail!("the server hung up"),
            Ok(_) => {}
            Err(error) if is_transient(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let stored = speech.is_stored(&self.inbound)?;
        if stored {
            self.inbound.clear();
        }
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_whole() {
        assert!(!Speech::Redis.is_stored(b":1").expect("a part"));
        assert!(Speech::Redis.is_stored(b":1\r\n").expect("whole"));
        let created = b"\0RES\0\0\0\x08\0\0\0\x03H:1";
        assert!(!Speech::Gearman.is_stored(&created[..13]).expect("a part"));
        assert!(Speech::Gearman.is_stored(created).expect("whole"));
    }

    #[test]
    fn another_answer_is_no_job() {
        assert!(Speech::Beanstalkd.is_stored(b"OUT_OF_MEMORY\r\n").is_err());
        assert!(Speech::Gearman.is_stored(b"\0RES\0\0\0\x13\0\0\0\x00").is_err());
    }
}
