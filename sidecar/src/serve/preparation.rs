//! What runs before a call: files that each request requires. No deadline of a call holds there, so an
//! executor that hangs in them is ended by the limit that a start has.

use super::pool::Pool;
use super::status::monotonic_ns;
use super::supervisor::Supervisor;

const NS_PER_MS: u64 = 1_000_000;

impl Supervisor {
    /// Kills executors that have prepared for a call for longer than `start_timeout_ms`. They are
    /// replaced as those that do not start: after a pause.
    pub(super) fn end_unprepared(&mut self) {
        let now_ns = monotonic_ns();
        for deployed in self.releases.values_mut() {
            let limit_ns = deployed.deployment.config.start_timeout_ms.saturating_mul(NS_PER_MS);
            for pool in deployed.pools.values_mut().filter(|pool| pool.watch.on) {
                pool.end_unprepared(now_ns, limit_ns);
            }
        }
    }
}

impl Pool {
    fn end_unprepared(&mut self, now_ns: u64, limit_ns: u64) {
        for (executor, cell) in self.executors.iter_mut().zip(self.scoreboard.cells()) {
            let Some(executor) = executor else { continue };
            let since_ns = cell.preparing_since_ns().unwrap_or(now_ns);
            if now_ns.saturating_sub(since_ns) > limit_ns {
                executor.killed_because = Some(
                    "killed: the files that each request requires, bootstrap and entry files, did not \
                     return within start_timeout_ms",
                );
                executor.kill();
            }
        }
    }

    /// Whether an executor runs such files now.
    pub(super) fn prepares(&self) -> bool {
        self.scoreboard.cells().any(|cell| cell.preparing_since_ns().is_some())
    }
}
