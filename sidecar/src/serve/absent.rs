//! Callers that hang up while their call runs. The call goes on: it may have effects that its author
//! wants finished, and its time limit ends it in any case. But the log says so.

use super::connections::ConnectionId;
use super::status::monotonic_ns;
use super::supervisor::Supervisor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::OwnedFd;

/// Calls that run for longer than this are looked at, in nanoseconds.
const LONG_NS: u64 = 1_000_000_000;

impl Supervisor {
    /// Says once of each long call that its caller is gone.
    pub(super) fn note_absent_callers(&mut self) {
        let now_ns = monotonic_ns();
        let mut found = Vec::new();
        for pool in self.releases.values_mut().flat_map(|deployed| deployed.pools.values_mut()) {
            for (executor, cell) in pool.executors.iter_mut().zip(pool.scoreboard.cells()) {
                let (Some(executor), Some(call)) = (executor, cell.running()) else {
                    continue;
                };
                let short = now_ns.saturating_sub(call.started_ns) < LONG_NS;
                if short || executor.caller_gone == Some(call.seq) {
                    continue;
                }
                let connection = self.connections.get(ConnectionId::from_u64(call.connection));
                let connection = connection.filter(|c| c.pool == pool.key);
                if let Some(gone) = connection.filter(|c| has_hung_up(&c.fd)) {
                    executor.caller_gone = Some(call.seq);
                    found.push((pool.key.clone(), executor.pid, call, gone.peer.clone()));
                }
            }
        }
        for (pool, pid, call, peer) in found {
            let function = self.function_name(&pool, call.function);
            let request_id = call.request_id;
            tracing::warn!(release = %pool.release, pid, function, request_id, peer,
                "the caller has hung up; its call goes on");
        }
    }
}

/// POLLHUP needs no asking for; POLLRDHUP comes of our own shutdown(2), too, when the worker stops.
fn has_hung_up(connection: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(connection, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
