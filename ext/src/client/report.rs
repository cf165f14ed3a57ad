//! What `appserver_status()` and phpinfo() tell about this process's client.

use super::CLIENT;
use super::cluster::Cluster;
use std::time::Instant;

/// The state of the client, or nothing of it when no call was made yet.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub calls_in_flight: usize,
    pub connections: Vec<ConnectionReport>,
}

/// One list of workers in use.
#[derive(Debug)]
pub(crate) struct ConnectionReport {
    pub workers_setting: String,
    pub epoch: u32,
    pub workers: Vec<WorkerReport>,
    /// Applications seen, with release and number of functions.
    pub apps: Vec<(String, String, usize)>,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct WorkerReport {
    pub address: String,
    pub weight: u16,
    pub listed: bool,
    pub failures_in_a_row: u32,
    /// Seconds until it is tried in its turn again.
    pub rests_for: f64,
    pub connections_open: u32,
    pub connections_idle: usize,
    pub board: bool,
    pub calls: u64,
    pub failures: u64,
}

/// Looks at the client without making one, connecting, or changing anything.
pub(crate) fn report() -> Report {
    CLIENT.with_borrow(|client| match client {
        None => Report::default(),
        Some(client) => Report {
            calls_in_flight: client.table.len(),
            connections: client.clusters.iter().map(cluster).collect(),
        },
    })
}

fn cluster(cluster: &Cluster) -> ConnectionReport {
    let now = Instant::now();
    let worker = |worker: &super::worker::Worker| WorkerReport {
        address: worker.label.to_string(),
        weight: worker.weight,
        listed: worker.is_listed(),
        failures_in_a_row: worker.health.failures_in_a_row(),
        rests_for: worker.health.rest(now).as_secs_f64(),
        connections_open: worker.open,
        connections_idle: worker.idle(),
        board: worker.has_board(),
        calls: worker.calls,
        failures: worker.failures,
    };
    let app = |app: &super::app::App| {
        let view = app.views.near(app.routing().current)?;
        let catalog = &view.catalog;
        Some((catalog.app.to_string(), catalog.release.to_string(), catalog.functions.len()))
    };
    ConnectionReport {
        workers_setting: cluster.fleet.text.clone(),
        epoch: cluster.epoch,
        workers: cluster.workers.iter().map(worker).collect(),
        apps: cluster.apps.iter().filter_map(app).collect(),
    }
}
