//! The adopted connections: their slots, generations and descriptors.
//!
//! A connection in slot n is descriptor `fd_base + n` here and in every executor, because epoll keys
//! an entry by open file and descriptor number. The kernel's table of descriptors is the allocator:
//! `F_DUPFD` gives the lowest free number from `fd_base` up, so nothing else of this process can be
//! overwritten.

use super::key::PoolKey;
use protocol::GENERATION_PINNED;
use rustix::event::epoll;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{Shutdown, shutdown};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Name of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl ConnectionId {
    /// As epoll's data, the scoreboard and Welcome have it.
    pub(super) fn to_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// Whether it stays with its release when the application gets a new one.
    pub(super) fn is_pinned(self) -> bool {
        self.generation & GENERATION_PINNED != 0
    }

    pub(super) fn from_u64(name: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = name.to_le_bytes();
        let slot = u32::from_le_bytes([a, b, c, d]);
        Self { slot, generation: u32::from_le_bytes([e, f, g, h]) }
    }
}

/// An adopted connection, or one whose Welcome is on its way.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) fd: OwnedFd,
    pub(super) pool: PoolKey,
    /// For logs: who calls.
    pub(super) peer: String,
    /// The request that its caller gave up before an executor had begun it.
    cancelled: Option<u64>,
    /// Not 0: an executor of its retired pool held it when that was retired for this time, and will
    /// say when it does not any more.
    awaited: u32,
    /// Whether it is registered with its pool's epoll.
    armed: bool,
    /// Whether the rest of an answer is still to be written.
    unread: bool,
}

/// All connections of the worker.
#[derive(Debug)]
pub(super) struct Connections {
    fd_base: u32,
    max: u32,
    slots: Vec<Option<Connection>>,
    open: u32,
    generation: u32,
}

/// Why there is no slot.
#[derive(Debug)]
pub(super) enum NoSlot {
    /// `limits.connections_max` is reached.
    Full,
    Io(io::Error),
}

impl Connections {
    pub(super) fn new(fd_base: u32, max: u32) -> Self {
        Self { fd_base, max, slots: Vec::new(), open: 0, generation: 0 }
    }

    /// Gives a copy of `stream` a slot. Nothing is armed yet.
    pub(super) fn reserve(
        &mut self,
        stream: BorrowedFd<'_>,
        pool: PoolKey,
        pinned: bool,
        peer: String,
    ) -> Result<ConnectionId, NoSlot> {
        let base = i32::try_from(self.fd_base).unwrap_or(i32::MAX);
        let fd = fcntl_dupfd_cloexec(stream, base).map_err(|error| NoSlot::Io(error.into()))?;
        let slot = u32::try_from(fd.as_raw_fd() - base).unwrap_or(u32::MAX);
        if slot >= self.max {
            return Err(NoSlot::Full);
        }
        rustix::io::ioctl_fionbio(&fd, true).map_err(|error| NoSlot::Io(error.into()))?;
        self.generation = self.generation.wrapping_add(1) % (u32::MAX >> 1);
        let pinned = if pinned { GENERATION_PINNED } else { 0 };
        let generation = ((self.generation + 1) << 1) | pinned;
        let id = ConnectionId { slot, generation };
        let index = slot as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        let (cancelled, awaited, armed, unread) = (None, 0, false, false);
        self.slots[index] =
            Some(Connection { id, fd, pool, peer, cancelled, awaited, armed, unread });
        self.open += 1;
        Ok(id)
    }

    /// Registers the connection with its pool's epoll: from now on executors take its requests.
    pub(super) fn arm(&mut self, id: ConnectionId, epoll: impl AsFd) -> io::Result<()> {
        let Some(connection) = self.get_mut(id) else {
            return Ok(());
        };
        epoll::add(epoll, &connection.fd, epoll::EventData::new_u64(id.to_u64()), READY_ONCE)?;
        connection.armed = true;
        Ok(())
    }

    /// Takes the connection out of its pool's epoll and puts it into another pool's, armed. What has
    /// arrived on it meanwhile is read there.
    pub(super) fn move_to(
        &mut self,
        id: ConnectionId,
        from: impl AsFd,
        pool: &PoolKey,
        epoll: impl AsFd,
    ) -> io::Result<()> {
        let Some(connection) = self.get_mut(id) else {
            return Ok(());
        };
        connection.pool = pool.clone();
        connection.awaited = 0;
        // One that waits for its Welcome is armed after that.
        if !std::mem::take(&mut connection.armed) {
            return Ok(());
        }
        epoll::delete(from, &connection.fd)?;
        self.arm(id, epoll)
    }

    /// Notes that the connection is held by an executor of a pool retired for the given time.
    pub(super) fn await_release(&mut self, id: ConnectionId, retirement: u32) {
        if let Some(connection) = self.get_mut(id) {
            connection.awaited = retirement;
        }
    }

    /// Whether its release is awaited since the given retirement of its pool; asked once.
    pub(super) fn take_awaited(&mut self, id: ConnectionId, retirement: u32) -> bool {
        self.get_mut(id).is_some_and(|connection| {
            let awaited = connection.awaited == retirement && retirement != 0;
            connection.awaited = if awaited { 0 } else { connection.awaited };
            awaited
        })
    }

    /// Makes a connection available to the executors of its pool again.
    pub(super) fn rearm(&self, id: ConnectionId, epoll: impl AsFd) -> io::Result<()> {
        let Some(connection) = self.get(id) else {
            return Ok(());
        };
        epoll::modify(epoll, &connection.fd, epoll::EventData::new_u64(id.to_u64()), READY_ONCE)?;
        Ok(())
    }

    /// Hangs up and frees the slot. Executors may still hold the open file: an entry in epoll lives
    /// as long as any of them does, so it is removed first, and the peer is told by shutdown(2).
    pub(super) fn close(
        &mut self,
        id: ConnectionId,
        epoll: Option<&OwnedFd>,
    ) -> Option<Connection> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        let connection = slot.take_if(|connection| connection.id == id)?;
        if let (true, Some(epoll)) = (connection.armed, epoll) {
            // Nothing is lost if it fails: the descriptor is closed next.
            let _ = epoll::delete(epoll, &connection.fd);
        }
        let _ = shutdown(&connection.fd, Shutdown::Both);
        self.open -= 1;
        Some(connection)
    }

    /// Notes that a request, which nobody runs yet, is not to run; it may already be over, too.
    pub(super) fn cancel(&mut self, id: ConnectionId, request_id: u64) {
        if let Some(connection) = self.get_mut(id) {
            connection.cancelled = Some(request_id);
        }
    }

    pub(super) fn is_cancelled(&self, id: ConnectionId, request_id: u64) -> bool {
        self.get(id).is_some_and(|connection| connection.cancelled == Some(request_id))
    }

    /// Whether the rest of an answer is to be written before anything else becomes of it.
    pub(super) fn set_unread(&mut self, id: ConnectionId, unread: bool) {
        if let Some(connection) = self.get_mut(id) {
            connection.unread = unread;
        }
    }

    pub(super) fn is_unread(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|connection| connection.unread)
    }

    pub(super) fn any_unread(&self) -> bool {
        self.iter().any(|connection| connection.unread)
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.slots.get(id.slot as usize)?.as_ref()?;
        (connection.id == id).then_some(connection)
    }

    fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.slots.get_mut(id.slot as usize)?.as_mut()?;
        (connection.id == id).then_some(connection)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().flatten()
    }

    pub(super) fn open(&self) -> u32 {
        self.open
    }

    pub(super) fn max(&self) -> u32 {
        self.max
    }
}

const READY_ONCE: epoll::EventFlags = epoll::EventFlags::IN.union(epoll::EventFlags::ONESHOT);
