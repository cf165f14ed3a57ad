//! The pool's shared epoll: sleeping on it, and giving connections back to it.

use super::connections::{Connection, Connections};
use super::interrupt;
use super::seat::Seat;
use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;

/// Makes the connection ready for whoever is idle.
pub(super) fn rearm(
    seat: &Seat,
    connections: &Connections<'_>,
    connection: Connection,
) -> Result<()> {
    let data = epoll::EventData::new_u64(connection.name());
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
    match epoll::modify(&seat.epoll, connections.fd(connection), data, flags) {
        // The supervisor has taken it out of the pool.
        Ok(()) | Err(Errno::NOENT | Errno::BADF) => Ok(()),
        Err(error) => Err(error).context("re-arming a connection"),
    }
}

/// Sleeps until a connection is ready; `None` when the process is to end.
pub(super) fn sleep(seat: &Seat) -> Result<Option<Connection>> {
    let mut events =
        [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
    while !interrupt::stop_asked() {
        seat.pass();
        match epoll::wait(&seat.epoll, &mut events, None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => {
                let [event] = events;
                return Ok(Some(Connection::from_name(event.data.u64())));
            }
            Err(error) => return Err(error).context("waiting for a connection"),
        }
    }
    Ok(None)
}

/// Whether the peer is gone. POLLHUP needs no asking for; POLLRDHUP comes of our own shutdown(2), too,
/// by which the supervisor takes no further requests when it stops.
pub(super) fn has_hung_up(fd: BorrowedFd<'_>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::empty())], Some(&now))
        .is_ok_and(|ready| ready > 0)
}

/// Whether connections of the pool are ready that nobody has taken: an epoll is itself readable then.
pub(super) fn others_wait(seat: &Seat) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(&seat.epoll, PollFlags::IN)];
    poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
}
