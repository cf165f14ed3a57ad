//! Connections that a dead executor took from epoll and nobody holds.
//!
//! An executor killed between epoll_wait(2) and the first store into its cell leaves a connection
//! disarmed. The kernel says which entries of an epoll are disarmed; one that no cell names, twice with a
//! pause between, is an orphan. Nothing of a request has been read from it.
//!
//! It is armed again, and its call only waits, when it is certain that no living executor is about to name
//! it: all that name none sleep in the kernel, and a disarmed entry wakes none of them. Where that does not
//! come about, it is hung up, and its client connects again.

use super::connections::ConnectionId;
use super::event::Retry;
use super::key::PoolKey;
use super::pool::Pool;
use super::stalled::process_state;
use super::supervisor::Supervisor;
use shm::{Cell, State};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// A live executor needs well below a microsecond from epoll_wait to its cell, and as little from
/// taking the name out of it to re-arming; this allows for one that is not scheduled meanwhile.
const PAUSE: Duration = Duration::from_millis(250);
/// Looks before a connection is hung up.
const TRIES_MAX: u32 = 8;
/// EPOLLIN; an entry without it is disarmed.
const EPOLLIN: u32 = 1;

impl Supervisor {
    /// Looks now, and at what is suspicious again after a pause.
    pub(super) fn look_for_orphans(&mut self, key: &PoolKey) {
        let suspects = self.unheld(key);
        self.look_again(key.clone(), suspects, 1);
    }

    fn look_again(&self, pool: PoolKey, suspects: Vec<ConnectionId>, tries: u32) {
        if !suspects.is_empty() {
            self.retry_after(PAUSE, Retry::Orphans { pool, suspects, tries });
        }
    }

    /// Does away with those that are still held by nobody.
    pub(super) fn on_orphans(&mut self, key: PoolKey, mut suspects: Vec<ConnectionId>, tries: u32) {
        let (before, calls) = (self.unheld(&key), self.calls_begun(&key));
        suspects.retain(|id| before.contains(id));
        let asleep = self.pool(&key).is_some_and(Pool::unnamed_sleep);
        let after = self.unheld(&key);
        suspects.retain(|id| after.contains(id));
        // Otherwise one could have been served, and taken by another executor, in between.
        if asleep && self.calls_begun(&key) == calls {
            suspects.into_iter().for_each(|id| self.place(id));
        } else if tries < TRIES_MAX {
            self.look_again(key, suspects, tries + 1);
        } else {
            for id in suspects {
                tracing::warn!(release = %key.release, "a connection lost its executor; it is closed");
                self.tell_unbegun(id);
                self.close(id);
            }
        }
    }

    fn calls_begun(&self, key: &PoolKey) -> u64 {
        let cells = self.pool(key).into_iter().flat_map(|pool| pool.scoreboard.cells());
        cells.map(Cell::seq).fold(0, u64::wrapping_add)
    }

    /// Disarmed connections that no live executor's cell names.
    fn unheld(&self, key: &PoolKey) -> Vec<ConnectionId> {
        let Some(pool) = self.pool(key) else {
            return Vec::new();
        };
        let live = pool.scoreboard.cells().filter(|cell| cell.state() != State::Empty);
        let held: Vec<u64> = live.map(|cell| cell.remains().connection).collect();
        let disarmed = disarmed(&pool.epoll).unwrap_or_default().into_iter();
        let unheld = disarmed.filter(|name| !held.contains(name)).map(ConnectionId::from_u64);
        // One whose answer waits for its reader is disarmed, and held by the supervisor.
        let lost = |id: &ConnectionId| {
            self.connections.get(*id).is_some() && !self.connections.is_unread(*id)
        };
        unheld.filter(lost).collect()
    }
}

impl Pool {
    /// Whether all executors that name no connection, and could hold one, sleep as far as the kernel is
    /// concerned: on their way from epoll_wait(2), or back to it, they run.
    fn unnamed_sleep(&self) -> bool {
        self.scoreboard.cells().filter(|cell| may_hold_unnamed(cell)).all(|cell| {
            // In an idle executor's loop, nothing sleeps but epoll_wait(2).
            process_state(cell.pid()) == 'S'
        })
    }
}

fn may_hold_unnamed(cell: &Cell) -> bool {
    let (state, remains) = (cell.state(), cell.remains());
    let has_none = matches!(state, State::Empty | State::Starting | State::Preparing);
    let call_is_on = remains.seq & 1 == 1;
    !has_none && !call_is_on && remains.connection == 0
}

/// Data of the entries of an epoll that are disarmed, from the kernel's description of it:
/// `tfd: 4096 events: 40000000 data: 100000000 …`, numbers after the first in hexadecimal.
fn disarmed(epoll: &OwnedFd) -> io::Result<Vec<u64>> {
    let description = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", epoll.as_raw_fd()))?;
    Ok(description.lines().filter_map(disarmed_entry).collect())
}

fn disarmed_entry(line: &str) -> Option<u64> {
    let mut words = line.strip_prefix("tfd:")?.split_ascii_whitespace().skip(1);
    let mut number = |label: &str| {
        let value = words.next().filter(|word| *word == label).and_then(|_| words.next())?;
        u64::from_str_radix(value, 16).ok()
    };
    let events = number("events:")?;
    let data = number("data:")?;
    (events & u64::from(EPOLLIN) == 0).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::epoll;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_kernel_names_the_entry_that_was_taken_and_not_the_other() {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
        let (taken, mut peer) = UnixStream::pair().unwrap();
        let (waiting, _peer) = UnixStream::pair().unwrap();
        epoll::add(&epoll, &taken, epoll::EventData::new_u64(7 << 32 | 5), flags).unwrap();
        epoll::add(&epoll, &waiting, epoll::EventData::new_u64(8 << 32 | 6), flags).unwrap();
        assert_eq!(disarmed(&epoll).unwrap(), Vec::<u64>::new());
        io::Write::write_all(&mut peer, b"x").unwrap();
        let mut events = Vec::with_capacity(4);
        let buffer = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&epoll, buffer, None).unwrap();
        assert_eq!(disarmed(&epoll).unwrap(), [7 << 32 | 5]);
    }
}
