//! Work done in a forked child, so that this process stays as it was.
//!
//! Unsafe for `fork` and `_exit`. Contract: this process has one thread; the child leaves by `_exit`
//! (or PHP's own `exit` when it gives up).
#![allow(unsafe_code)]

use super::last_words::{self, LastWords};
use anyhow::{Context, Result, bail};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::fs::File;
use std::io::{Read, Write};

/// First byte of what a child writes.
const DONE: u8 = 0;
pub(super) const FAILED: u8 = 1;

/// Where [`fork`] returned.
#[derive(Debug)]
pub(super) enum Side {
    /// In the child, which is to answer.
    Child(Answer),
    /// In this process, when the child has ended: what it answered.
    Parent(Vec<u8>),
}

/// What a child owes to its parent.
#[derive(Debug)]
pub(super) struct Answer(OwnedFd);

impl Answer {
    /// Answers, and ends this process.
    pub(super) fn give(self, made: Result<Vec<u8>>) -> ! {
        let (tag, bytes) = match made {
            Ok(bytes) => (DONE, bytes),
            Err(error) => (FAILED, format!("{error:#}").into_bytes()),
        };
        let mut pipe = File::from(self.0);
        let written = pipe.write_all(&[tag]).and_then(|()| pipe.write_all(&bytes));
        // SAFETY: ends the child without running what is registered for this process's own end.
        unsafe { libc::_exit(i32::from(written.is_err())) }
    }
}

/// Runs `work` in a child and returns the bytes it made; fails with its error, or with what PHP
/// last said when the child ended otherwise.
pub(super) fn in_child(what: &str, work: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    match fork(what)? {
        Side::Child(answer) => answer.give(work()),
        Side::Parent(bytes) => Ok(bytes),
    }
}

/// As above for work that returns from where it began: both processes go on from here, the parent
/// after the child.
pub(super) fn fork(what: &str) -> Result<Side> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).context("pipe")?;
    // SAFETY: one thread, see above.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()).context("fork"),
        0 => {
            last_words::arm(LastWords::Pipe(writer.as_raw_fd()));
            Ok(Side::Child(Answer(writer)))
        }
        pid => {
            drop(writer);
            let answered = parent(what, reader, Pid::from_raw(pid).context("pid of the child")?);
            answered.map(Side::Parent)
        }
    }
}

fn parent(what: &str, reader: OwnedFd, pid: Pid) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::from(reader).read_to_end(&mut bytes).context("reading from the child")?;
    let status = loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => break status,
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for the child"),
        }
    };
    match bytes.split_first() {
        Some((&DONE, bytes)) => Ok(bytes.to_vec()),
        Some((_, message)) => bail!("{}", String::from_utf8_lossy(message)),
        None => bail!("PHP ended with {status:?} while {what}"),
    }
}
