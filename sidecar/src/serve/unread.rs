//! Answers that their peers do not read: an executor hands over what the socket did not hold, and
//! here it waits for its reader.
//!
//! Until the last byte is out the connection is nobody's: no executor reads from it, it is disarmed
//! and no cell names it. Then it is armed again, and its next call goes to whoever is idle.

use super::connections::ConnectionId;
use super::event::{Event, ExecutorKey};
use super::ready::register;
use super::supervisor::Supervisor;
use protocol::ToExecutor;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Memory is counted in pieces of this many bytes: a page of a memfd.
const PIECE_BYTES: u64 = 4096;
/// Each takes two descriptors of those that connections leave free.
const REMAINDERS_MAX: usize = 512;
/// Read from a remainder at a time, on the way to its socket.
const STEP_BYTES: usize = 64 * 1024;

/// What may wait here.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pieces_max: usize,
    pieces: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// What one remainder takes of it.
#[derive(Debug)]
struct Place {
    _pieces: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// The rest of an answer, and where it goes.
#[derive(Debug)]
struct Remainder {
    rest: File,
    length: u64,
    sent: u64,
    peer: AsyncFd<OwnedFd>,
    _place: Place,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All of it is out.
    Read,
    HungUp,
    /// Worth a line in the log.
    Fault(String),
}

impl Room {
    /// `bytes_max` 0 = no room: every executor waits for its own readers.
    pub(super) fn new(bytes_max: u32) -> Self {
        let pieces = usize::try_from(u64::from(bytes_max) / PIECE_BYTES).unwrap_or(usize::MAX);
        Self {
            pieces_max: pieces,
            pieces: Arc::new(Semaphore::new(pieces)),
            places: Arc::new(Semaphore::new(REMAINDERS_MAX)),
        }
    }

    /// How many wait.
    pub(super) fn remainders(&self) -> u32 {
        let taken = REMAINDERS_MAX.saturating_sub(self.places.available_permits());
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    /// The memory that they take.
    pub(super) fn bytes(&self) -> u64 {
        let taken = self.pieces_max.saturating_sub(self.pieces.available_permits());
        taken as u64 * PIECE_BYTES
    }

    fn take(&self, length: u64) -> Option<Place> {
        let pieces = u32::try_from(length.div_ceil(PIECE_BYTES)).ok()?;
        Some(Place {
            _pieces: Arc::clone(&self.pieces).try_acquire_many_owned(pieces).ok()?,
            _place: Arc::clone(&self.places).try_acquire_owned().ok()?,
        })
    }
}

impl Supervisor {
    /// An executor's peer does not read, and here is what is left of its answer.
    pub(super) fn on_unread(
        &mut self,
        from: &ExecutorKey,
        id: ConnectionId,
        rest: Option<OwnedFd>,
    ) {
        let ConnectionId { slot, generation } = id;
        let connection = self.connections.get(id).filter(|c| c.pool == from.pool);
        let answer = match connection.map(|c| Remainder::new(rest, c.fd.as_fd(), &self.unread_room))
        {
            None => ToExecutor::Gone { slot, generation },
            Some(None) => ToExecutor::Full { slot, generation },
            Some(Some(remainder)) => {
                self.connections.set_unread(id, true);
                self.write(id, remainder);
                ToExecutor::Taken { slot, generation }
            }
        };
        if let Some(executor) = self.pool_mut(&from.pool).and_then(|p| p.executor_mut(from)) {
            executor.answer(answer, None);
        }
    }

    fn write(&self, id: ConnectionId, remainder: Remainder) {
        let limit = self.settings.unread_timeout;
        let events = self.events.clone();
        tokio::spawn(async move {
            let ended = remainder.write(limit).await;
            let _ = events.send(Event::Unread { id, ended }).await;
        });
    }

    /// The connection is its pool's again, or of no further use.
    pub(super) fn on_unread_ended(&mut self, id: ConnectionId, ended: &Ended) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        if let Ended::Fault(reason) = ended {
            tracing::warn!(peer = connection.peer, "connection closed: {reason}");
        }
        self.connections.set_unread(id, false);
        match ended {
            Ended::Read => self.place(id),
            Ended::HungUp | Ended::Fault(_) => self.close(id),
        }
        self.check_drained();
    }
}

impl Remainder {
    /// `None` when there is no room for it.
    fn new(rest: Option<OwnedFd>, peer: impl AsFd, room: &Room) -> Option<Self> {
        let rest = File::from(rest?);
        let length = rest.metadata().ok()?.len();
        let place = room.take(length)?;
        // A number of its own, because the supervisor may close the connection's at any time.
        let peer = peer.as_fd().try_clone_to_owned().ok()?;
        let peer = register(peer, Interest::WRITABLE).ok()?;
        Some(Self { rest, length, sent: 0, peer, _place: place })
    }

    /// Writes as its peer reads, for as long as it does.
    async fn write(mut self, limit: Duration) -> Ended {
        while self.sent < self.length {
            let Ok(ready) = timeout(limit, self.peer.writable()).await else {
                let reason = format!(
                    "its peer left an answer unread for {} ms (limits.unread_timeout_ms)",
                    limit.as_millis()
                );
                return Ended::Fault(reason);
            };
            let step = |peer: &AsyncFd<OwnedFd>| step(&self.rest, self.sent, peer.get_ref());
            match ready.map(|mut ready| ready.try_io(step)) {
                Ok(Ok(Ok(sent))) => self.sent += sent,
                // The socket is full again.
                Ok(Err(_)) => {}
                Ok(Ok(Err(error))) if is_hang_up(&error) => return Ended::HungUp,
                Ok(Ok(Err(error))) | Err(error) => return Ended::Fault(error.to_string()),
            }
            // A fast reader must not keep the supervisor's only thread.
            tokio::task::yield_now().await;
        }
        Ended::Read
    }
}

/// Sends what the socket takes; a buffer between two waits would be held for each remainder.
fn step(rest: &File, from: u64, peer: &OwnedFd) -> io::Result<u64> {
    let mut bytes = vec![0; STEP_BYTES];
    let read = rest.read_at(&mut bytes, from)?;
    if read == 0 {
        return Err(io::Error::other("what was left of its answer is cut short"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    Ok(send(peer, &bytes[..read], flags)? as u64)
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PIPE | Errno::CONNRESET))
}
