//! The connections this executor holds. A connection's slot fixes its descriptor's number, which must
//! be the same in every process for the shared epoll; its generation tells it from earlier users of
//! the slot.

use super::seat::Seat;
use crate::control::{Gone, Incoming, NoDescriptorsLeft};
use crate::descriptors;
use anyhow::{Context, Result, bail};
use protocol::{Boot, ClosedReason, FromExecutor, GENERATION_PINNED, ToExecutor};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use rustix::net::{Shutdown, shutdown};

/// A connection as epoll names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl Connection {
    /// From epoll's data: generation in the high, slot in the low 32 bits.
    pub(super) fn from_name(name: u64) -> Self {
        let [high, low] = [name >> 32, name & u64::from(u32::MAX)];
        let half = |half: u64| u32::try_from(half).unwrap_or(u32::MAX);
        Self { slot: half(low), generation: half(high) }
    }

    pub(super) fn name(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// Whether it stays with this release when the application gets a new one.
    pub(super) fn is_pinned(self) -> bool {
        self.generation & GENERATION_PINNED != 0
    }

    /// Its place in a table by slot.
    pub(super) fn index(self) -> usize {
        index(self.slot)
    }
}

/// Whether the supervisor sees to the rest of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandedOver {
    Yes,
    /// It holds as much already as it may.
    No,
}

/// The table of held connections.
#[derive(Debug)]
pub(super) struct Connections<'a> {
    seat: &'a Seat,
    fd_base: RawFd,
    slots_max: u32,
    /// Generation held in each slot.
    held: Vec<Option<u32>>,
}

impl<'a> Connections<'a> {
    pub(super) fn new(boot: &Boot, seat: &'a Seat) -> Result<Self> {
        let fd_base = RawFd::try_from(boot.fd_base).context("fd_base")?;
        if RawFd::try_from(boot.connections_max).ok().and_then(|n| n.checked_add(fd_base)).is_none()
        {
            bail!("connections_max is beyond what descriptors can number");
        }
        Ok(Self { seat, fd_base, slots_max: boot.connections_max, held: Vec::new() })
    }

    /// The descriptor's number; slots are bounded when they are installed.
    pub(super) fn number(&self, connection: Connection) -> RawFd {
        self.fd_base + RawFd::try_from(connection.slot).unwrap_or(0)
    }

    pub(super) fn fd(&self, connection: Connection) -> BorrowedFd<'static> {
        descriptors::at(self.number(connection))
    }

    /// Makes sure the connection is held; false when it is gone.
    pub(super) fn hold(&mut self, wanted: Connection) -> Result<bool> {
        if self.holds(wanted) {
            return Ok(true);
        }
        while let Some(message) = self.receive()? {
            self.accept(message)?;
        }
        if self.holds(wanted) { Ok(true) } else { self.ask_for(wanted) }
    }

    /// Gives a connection up, here and in the supervisor.
    pub(super) fn close(&mut self, connection: Connection, reason: ClosedReason) -> Result<()> {
        let Connection { slot, generation } = connection;
        // Hangs up for every process that holds it; a peer that is gone already makes no difference.
        let _ = shutdown(self.fd(connection), Shutdown::Both);
        self.seat.control.send(&FromExecutor::Closed { slot, generation, reason }, &[])?;
        self.forget(connection);
        Ok(())
    }

    /// Leaves the rest of an answer, and the connection until it is out, to the supervisor.
    pub(super) fn hand_over(
        &mut self,
        connection: Connection,
        rest: &OwnedFd,
    ) -> Result<HandedOver> {
        let Connection { slot, generation } = connection;
        self.seat.control.send(&FromExecutor::Unread { slot, generation }, &[rest.as_fd()])?;
        loop {
            self.seat.control.wait()?;
            let Some(message) = self.receive()? else { continue };
            let mine = (slot, generation);
            match message.0 {
                ToExecutor::Full { slot, generation } if (slot, generation) == mine => {
                    return Ok(HandedOver::No);
                }
                // Gone: it has hung up, and nobody has to write to it.
                ToExecutor::Taken { slot, generation } | ToExecutor::Gone { slot, generation }
                    if (slot, generation) == mine =>
                {
                    // When epoll names it to this executor again, it asks for it.
                    self.forget(connection);
                    return Ok(HandedOver::Yes);
                }
                _ => self.accept(message)?,
            }
        }
    }

    fn forget(&mut self, connection: Connection) {
        if self.holds(connection) {
            descriptors::close(self.number(connection));
            self.held[connection.index()] = None;
        }
    }

    pub(super) fn holds(&self, wanted: Connection) -> bool {
        self.generation(wanted.slot) == Some(wanted.generation)
    }

    fn generation(&self, slot: u32) -> Option<u32> {
        self.held.get(index(slot)).copied().flatten()
    }

    /// Pulls the truth: the supervisor answers with the connection, or that it is gone.
    fn ask_for(&mut self, wanted: Connection) -> Result<bool> {
        let Connection { slot, generation } = wanted;
        if self.generation(slot).is_some_and(|held| held > generation) {
            // Named by an event that was older than its slot's next user.
            return Ok(false);
        }
        self.seat.control.send(&FromExecutor::Need { slot, generation }, &[])?;
        loop {
            self.seat.control.wait()?;
            let Some(message) = self.receive()? else { continue };
            if message.0 == (ToExecutor::Gone { slot, generation }) {
                return Ok(false);
            }
            self.accept(message)?;
            if self.holds(wanted) {
                return Ok(true);
            }
        }
    }

    fn receive(&self) -> Result<Option<(ToExecutor, Vec<OwnedFd>)>> {
        match self.seat.control.receive()? {
            Incoming::Message(message, fds) => Ok(Some((message, fds))),
            Incoming::Nothing => Ok(None),
            Incoming::Closed => bail!(Gone),
        }
    }

    fn accept(&mut self, (message, fds): (ToExecutor, Vec<OwnedFd>)) -> Result<()> {
        match message {
            ToExecutor::Connection { slot, generation } => {
                let connection = Connection { slot, generation };
                match fds.first() {
                    Some(fd) => self.install(connection, fd),
                    None => bail!(NoDescriptorsLeft),
                }
            }
            ToExecutor::Gone { slot, generation } => {
                self.forget(Connection { slot, generation });
                Ok(())
            }
            ToExecutor::Taken { .. } | ToExecutor::Full { .. } => bail!("an answer to no question"),
        }
    }

    /// A generation older than the held one is a hint that was overtaken.
    fn install(&mut self, connection: Connection, fd: &OwnedFd) -> Result<()> {
        let Connection { slot, generation } = connection;
        if slot >= self.slots_max {
            bail!("connection slot {slot} of {}", self.slots_max);
        }
        if self.generation(slot).is_some_and(|held| held >= generation) {
            return Ok(());
        }
        descriptors::place(fd, self.number(connection)).context("placing a connection")?;
        if self.held.len() <= connection.index() {
            self.held.resize(connection.index() + 1, None);
        }
        self.held[connection.index()] = Some(generation);
        Ok(())
    }
}

/// A slot as an index: `usize` has at least 32 bits wherever this runs.
fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}
