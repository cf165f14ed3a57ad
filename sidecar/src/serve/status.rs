//! Answers on control connections: what runs here, and how it fares.

use super::connections::ConnectionId;
use super::deployed::{Deployed, ReleaseState};
use super::pool::Pool;
use super::supervisor::Supervisor;
use crate::admin::Invalidate;
use crate::config::schedules_alone;
use protocol::{
    AppStatus, ConnectionStats, ControlReply, ControlRequest, ExecutorStatus, FunctionStats,
    PoolStatus, StatusReport,
};
use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};
use shm::{Cell, State};

impl Supervisor {
    pub(super) fn answer(&mut self, request: ControlRequest) -> ControlReply {
        match request {
            ControlRequest::Status => {
                let pools = self.releases.values_mut().flat_map(|d| d.pools.values_mut());
                pools.for_each(Pool::note_replacements);
                ControlReply::Status(Box::new(self.status()))
            }
            ControlRequest::Membership => ControlReply::Membership(self.membership.clone()),
            ControlRequest::Catalog { app } => self.catalog(&app),
            ControlRequest::Routing { app } => match self.find_app(&app) {
                Ok(app) => ControlReply::Routing(self.route_of(app)),
                Err(refused) => {
                    ControlReply::Refused { message: refused.message, near: refused.near }
                }
            },
            ControlRequest::Cancel { connection, request_id } => {
                let mut pools = self.releases.values_mut().flat_map(|d| d.pools.values_mut());
                let found = pools.any(|pool| pool.cancel(connection, request_id));
                if !found {
                    self.cancel_unbegun(ConnectionId::from_u64(connection), request_id);
                }
                ControlReply::Cancelled { found }
            }
            ControlRequest::Invalidate { app, function, tags } => {
                self.invalidate_for_caller(app, &Invalidate { function, tags })
            }
        }
    }

    /// The call ends when an executor takes it; that none has done so is worth a look.
    fn cancel_unbegun(&mut self, id: ConnectionId, request_id: u64) {
        self.connections.cancel(id, request_id);
        if let Some(pool) = self.connections.get(id).map(|connection| connection.pool.clone()) {
            self.on_busy(&pool);
        }
    }

    fn catalog(&self, app: &protocol::AppName) -> ControlReply {
        let app = match self.find_app(app) {
            Ok(app) => app,
            Err(refused) => {
                return ControlReply::Refused { message: refused.message, near: refused.near };
            }
        };
        let release = self.route_of(app).current;
        let key = super::key::ReleaseKey { app: app.clone(), release };
        let published = self.releases.get(&key).and_then(|deployed| deployed.published.as_ref());
        match published {
            Some(published) => ControlReply::Catalog(published.catalog.clone()),
            None => ControlReply::Refused {
                message: format!("\"{app}\" has not started"),
                near: Vec::new(),
            },
        }
    }

    pub(super) fn status(&self) -> StatusReport {
        let uptime = self.started.elapsed().as_millis();
        let apps = self.releases.values().map(|deployed| self.app_status(deployed));
        StatusReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_ms: u64::try_from(uptime).unwrap_or(u64::MAX),
            rss_bytes: resident_bytes(std::process::id()),
            listeners: self.settings.listeners.clone(),
            membership: self.membership.clone(),
            connections: ConnectionStats {
                open: self.connections.open(),
                max: self.connections.max(),
                accepted: self.accepted,
                refused: self.refused,
                unread: self.unread_room.remainders(),
                unread_bytes: self.unread_room.bytes(),
            },
            apps: apps.collect(),
            jobs: self.jobs.status(),
        }
    }

    fn app_status(&self, deployed: &Deployed) -> AppStatus {
        let state = match &deployed.state {
            _ if self.is_stopping() => "draining".to_owned(),
            ReleaseState::Starting => "starting".to_owned(),
            ReleaseState::Running => "running".to_owned(),
            ReleaseState::Failed(reason) => format!("failed: {reason}"),
        };
        AppStatus {
            app: deployed.key.app.clone(),
            release: deployed.key.release,
            state,
            root: deployed.deployment.root.display().to_string(),
            prototype_pid: deployed.prototype.as_ref().map_or(0, |prototype| prototype.pid),
            pools: deployed.pools.values().map(|pool| self.pool_status(deployed, pool)).collect(),
            functions: function_stats(deployed),
            warnings: self.warnings_of(deployed),
        }
    }

    /// What its prototype said, and what follows from where it is served.
    fn warnings_of(&self, deployed: &Deployed) -> Vec<String> {
        let catalog = deployed.published.as_ref().map(|published| &published.catalog);
        let has_schedules = catalog.is_some_and(|catalog| !deployed.planned(catalog).is_empty());
        // SIGHUP brings another list of workers, not another configuration.
        let knows_others = !self.membership.members.is_empty();
        let alone = || schedules_alone(&self.settings.daemon.listen, knows_others);
        let warnings = deployed.report.warnings.iter().cloned();
        warnings.chain(has_schedules.then(alone).flatten()).collect()
    }

    fn pool_status(&self, deployed: &Deployed, pool: &Pool) -> PoolStatus {
        let connections = self.connections.iter().filter(|c| c.pool == pool.key).count();
        let executors = pool.executors.iter().zip(pool.scoreboard.cells());
        let executors = executors.filter_map(|(executor, cell)| {
            // One without a process was only just asked for.
            let forked = executor.as_ref().filter(|executor| executor.pid != 0)?;
            Some(executor_status(deployed, forked.pid, cell))
        });
        PoolStatus {
            pool: pool.boot.name.clone(),
            isolation: pool.boot.isolation,
            executors_min: pool.limits.min,
            executors_max: pool.limits.max,
            connections: u32::try_from(connections).unwrap_or(u32::MAX),
            died: pool.died,
            recycled: pool.recycled,
            replacements: pool.replacements,
            executors: executors.collect(),
        }
    }
}

fn executor_status(deployed: &Deployed, pid: u32, cell: &Cell) -> ExecutorStatus {
    let state = match cell.state() {
        State::Empty | State::Starting => "starting",
        State::Preparing => "preparing",
        State::Idle => "idle",
        State::Reading => "reading",
        State::Running => "running",
        State::Replying => "replying",
        State::Answered => "closing",
    };
    let call = cell.running();
    let function = call.and_then(|call| {
        let catalog = &deployed.published.as_ref()?.catalog;
        Some(catalog.functions.get(call.function as usize)?.name.clone())
    });
    let running_us = call.map_or(0, |call| monotonic_ns().saturating_sub(call.started_ns) / 1000);
    ExecutorStatus {
        pid,
        state: state.to_owned(),
        calls: cell.calls(),
        rss_bytes: resident_bytes(pid),
        function,
        running_us,
    }
}

/// Counters of each function that was called, over all pools.
fn function_stats(deployed: &Deployed) -> Vec<FunctionStats> {
    let Some(published) = &deployed.published else {
        return Vec::new();
    };
    let functions = published.catalog.functions.iter().enumerate();
    functions
        .map(|(index, function)| {
            let mut stats = FunctionStats {
                function: function.name.clone(),
                calls: 0,
                errors: 0,
                total_us: 0,
                histogram: vec![0; shm::histogram::BUCKETS],
            };
            for pool in deployed.pools.values() {
                let counters = pool.scoreboard.function(index);
                stats.calls += counters.calls();
                stats.errors += counters.errors();
                stats.total_us += counters.total_ns() / 1000;
                for (sum, count) in stats.histogram.iter_mut().zip(counters.histogram()) {
                    *sum += count;
                }
            }
            stats
        })
        .collect()
}

/// Resident memory of a process; 0 when it is gone.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * page_size() as u64
}

/// The clock of the scoreboard, in nanoseconds.
pub(super) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
