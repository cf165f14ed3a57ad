//! The end: nobody new comes in, calls in flight finish, then PHP stops.
//!
//! Each connection is shut for reading: requests already sent are still read and answered, further
//! ones fail in the client before a byte of them is taken, so it may send them elsewhere.

use super::jobs::Command;
use super::supervisor::{Phase, Supervisor};
use protocol::ToPrototype;
use rustix::net::{Shutdown, shutdown};
use std::time::{Duration, Instant};

impl Supervisor {
    /// The first signal drains, a second one ends at once.
    pub(super) fn begin_to_stop(&mut self) {
        if self.is_stopping() || self.phase == Phase::Starting {
            self.phase = Phase::Stopped;
            return;
        }
        let drain = Duration::from_millis(self.settings.daemon.drain_timeout_ms);
        tracing::info!(connections = self.connections.open(), ?drain, "stopping");
        self.phase = Phase::Draining { until: Instant::now() + drain };
        self.jobs.send(Command::Stop);
        for connection in self.connections.iter() {
            // It fails only when the peer has hung up.
            let _ = shutdown(&connection.fd, Shutdown::Read);
        }
        for pool in self.releases.values_mut().flat_map(|deployed| deployed.pools.values_mut()) {
            pool.scoreboard.watch();
            pool.watch.on = true;
            pool.watch.quiet = 0;
        }
        self.check_drained();
    }

    /// Ends the drain when nothing is in flight or its time is over.
    pub(super) fn check_drained(&mut self) {
        let Phase::Draining { until } = self.phase else {
            return;
        };
        // Requests that wait for a prototype which is not there are not in flight.
        let started = self.releases.values().filter(|deployed| deployed.prototype.is_some());
        let mut pools = started.flat_map(|deployed| deployed.pools.values());
        let running = pools.any(|pool| pool.in_flight() > 0 || pool.requests_wait());
        let in_flight = running || self.connections.any_unread();
        if !in_flight || Instant::now() >= until {
            if running {
                tracing::warn!("calls are still running at the end of drain_timeout_ms");
            } else if in_flight {
                tracing::warn!("answers are still unread at the end of drain_timeout_ms");
            }
            self.phase = Phase::Stopped;
        }
    }

    /// Asks every prototype to end itself and its executors.
    pub(super) fn stop_prototypes(&self) {
        for prototype in self.releases.values().filter_map(|d| d.prototype.as_ref()) {
            if prototype.send(&ToPrototype::Stop, &[]).is_err() {
                prototype.kill();
            }
        }
    }

    pub(super) fn kill_prototypes(&self) {
        for deployed in self.releases.values() {
            let executors =
                deployed.pools.values().flat_map(|pool| pool.executors.iter().flatten());
            executors.for_each(super::executor::Executor::kill);
            deployed.prototype.iter().for_each(super::prototype::Prototype::kill);
        }
    }

    pub(super) fn prototypes(&self) -> usize {
        self.releases.values().filter(|deployed| deployed.prototype.is_some()).count()
    }
}
