//! An executor as the supervisor sees it: a process, a control socket, a cell of the scoreboard.

use super::channel::Channel;
use super::event::{Event, Events, ExecutorKey};
use super::interrupt::interrupt;
use protocol::{FromExecutor, ToExecutor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use shm::Command;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An executor that was asked for, or runs.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) serial: u64,
    /// 0 until the prototype has forked it.
    pub(super) pid: u32,
    pidfd: Option<OwnedFd>,
    channel: Arc<Channel>,
    /// Set from the first request to interrupt its call to the call's end.
    pub(super) interruption: Option<Interruption>,
    /// Since when it has been asked to exit, or has said that it will.
    pub(super) leaving: Option<Instant>,
    /// When a signal stopped it; it may have gone on since.
    pub(super) stopped: Option<Instant>,
    /// Why it was killed, where that was done here.
    pub(super) killed_because: Option<&'static str>,
    /// `seq` of the call that the last look saw answered, and its request not yet closed.
    pub(super) closing: Option<u64>,
    /// `seq` of the call whose caller has hung up.
    pub(super) caller_gone: Option<u64>,
    /// When the end of the one that it replaces became known, by the scoreboard's clock; until its
    /// own start has been noted.
    pub(super) replaces: Option<u64>,
}

/// A call that was asked to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interruption {
    pub(super) seq: u64,
    pub(super) cause: Command,
    pub(super) since: Instant,
    pub(super) killed: bool,
}

impl Executor {
    /// The supervisor's side, and the socket that the new process gets.
    pub(super) fn prepare(
        key: ExecutorKey,
        replaces: Option<u64>,
        events: Events,
    ) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = Channel::pair()?;
        let channel = Arc::new(ours);
        let serial = key.serial;
        tokio::spawn(listen(Arc::clone(&channel), key, events));
        let executor = Self {
            serial,
            pid: 0,
            pidfd: None,
            channel,
            interruption: None,
            stopped: None,
            killed_because: None,
            closing: None,
            caller_gone: None,
            leaving: None,
            replaces,
        };
        Ok((executor, theirs))
    }

    /// The prototype has forked it.
    pub(super) fn started(&mut self, pid: u32, pidfd: OwnedFd) {
        self.pid = pid;
        self.pidfd = Some(pidfd);
    }

    /// Tells it of a connection before it asks. Best effort: one whose socket is full asks later.
    pub(super) fn hint(&self, message: &ToExecutor, connection: BorrowedFd<'_>) {
        let _ = self.channel.try_send(message, &[connection]);
    }

    /// Answers its question; it waits for that.
    pub(super) fn answer(&self, message: ToExecutor, connection: Option<OwnedFd>) {
        let descriptors: Vec<BorrowedFd<'_>> = connection.iter().map(AsFd::as_fd).collect();
        match self.channel.try_send(&message, &descriptors) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let channel = Arc::clone(&self.channel);
                tokio::spawn(async move {
                    let descriptors: Vec<BorrowedFd<'_>> =
                        connection.iter().map(AsFd::as_fd).collect();
                    // It fails only when the executor is gone.
                    let _ = channel.send(&message, &descriptors).await;
                });
            }
            // Sent, or the executor is gone.
            _ => {}
        }
    }

    /// Makes it look at its cell's command.
    pub(super) fn interrupt(&self) {
        if let Some(pidfd) = &self.pidfd {
            // It fails only when the process is gone; its exit is reported in its own way.
            let _ = interrupt(pidfd.as_fd());
        }
    }

    /// Waits, without a turn for others, for a process that was killed.
    pub(super) fn is_dead_within(&self, limit: Duration) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return true;
        };
        let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(limit.subsec_nanos()) };
        poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&limit)).is_ok_and(|dead| dead > 0)
    }

    pub(super) fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }
}

/// Turns what an executor says into events, until its socket closes; its exit is the prototype's to
/// report.
async fn listen(channel: Arc<Channel>, from: ExecutorKey, events: Events) {
    while let Ok(Some((message, descriptors))) = channel.receive::<FromExecutor>().await {
        let event = Event::Executor { from: from.clone(), message, descriptors };
        if events.send(event).await.is_err() {
            return;
        }
    }
}
