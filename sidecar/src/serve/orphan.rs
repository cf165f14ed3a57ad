//! Connections that a dead executor took from epoll and nobody holds.
//!
//! An executor killed between epoll_wait(2) and the first store into its cell, or while it watched
//! the connection it had served last, leaves that connection disarmed. The kernel says which entries
//! of an epoll are disarmed. One that no busy cell names is suspicious. An idle cell that names it
//! may be watching it, or may have given it back long ago; the former ends, or serves a call, within
//! the pause before the second look. What is as suspicious then as before is hung up: nothing of a
//! request has been read from it, and its client connects again.

use super::connections::ConnectionId;
use super::event::{Event, Retry};
use super::key::PoolKey;
use super::supervisor::Supervisor;
use shm::State;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// Beside the time that an executor watches a connection. A live one needs well below a microsecond
/// from epoll_wait to its cell; this allows for one that is not scheduled meanwhile.
const PAUSE: Duration = Duration::from_millis(250);
/// EPOLLIN; an entry without it is disarmed.
const EPOLLIN: u32 = 1;

/// A connection that nobody seems to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    id: ConnectionId,
    /// The idle cells that name it, with the calls that each had finished.
    named_by: Vec<(usize, u64)>,
}

impl Supervisor {
    /// Looks now, and at what is suspicious again after a pause.
    pub(super) fn look_for_orphans(&mut self, key: &PoolKey) {
        let suspects = self.unheld(key);
        if suspects.is_empty() {
            return;
        }
        let (events, key) = (self.events.clone(), key.clone());
        let pause = PAUSE + Duration::from_micros(self.settings.daemon.busy_poll_us.into());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = events.send(Event::Retry(Retry::Orphans { pool: key, suspects })).await;
        });
    }

    /// Hangs up on those that are still held by nobody.
    pub(super) fn close_orphans(&mut self, key: &PoolKey, suspects: &[Suspect]) {
        for suspect in self.unheld(key).into_iter().filter(|suspect| suspects.contains(suspect)) {
            tracing::warn!(release = %key.release, "a connection lost its executor; it is closed");
            self.close(suspect.id);
        }
    }

    /// Disarmed connections that no busy executor's cell names.
    fn unheld(&self, key: &PoolKey) -> Vec<Suspect> {
        let Some(pool) = self.pool(key) else {
            return Vec::new();
        };
        let disarmed = disarmed(&pool.epoll).unwrap_or_default().into_iter();
        let suspect = |name: u64| {
            let id = ConnectionId::from_u64(name);
            self.connections.get(id)?;
            let mut named_by = Vec::new();
            for (index, cell) in pool.scoreboard.cells().enumerate() {
                if cell.remains().connection != name {
                    continue;
                }
                match cell.state() {
                    State::Reading | State::Running | State::Replying | State::Answered => {
                        return None;
                    }
                    State::Idle => named_by.push((index, cell.calls())),
                    State::Empty | State::Starting => {}
                }
            }
            Some(Suspect { id, named_by })
        };
        disarmed.filter_map(suspect).collect()
    }
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
