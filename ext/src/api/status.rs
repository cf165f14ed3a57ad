//! `appserver_status()`, and the rows of phpinfo().

use super::settings;
use super::throw::{int, text};
use crate::client::{ConnectionReport, WorkerReport, report};
use ext_php_rs::types::{ZendHashTable, Zval};

/// The state of this process's client as a PHP array.
pub(crate) fn array() -> Zval {
    let report = report();
    let options = settings::current();
    let seconds =
        |limit: Option<std::time::Duration>| float(limit.map_or(0.0, |l| l.as_secs_f64()));
    let settings = record([
        ("workers", text(&options.fleet.text)),
        ("app", text(options.app.as_str())),
        ("timeout", seconds(options.timeout)),
        ("connect_timeout", seconds(Some(options.connect_timeout))),
        ("pin", text(options.pin.name())),
    ]);
    record([
        ("version", text(env!("CARGO_PKG_VERSION"))),
        ("settings", settings),
        ("calls_in_flight", count(report.calls_in_flight)),
        ("cache", super::cache::array()),
        ("clusters", list(report.connections.iter().map(cluster))),
    ])
}

fn cluster(cluster: &ConnectionReport) -> Zval {
    let app = |(name, release, functions): &(String, String, usize)| {
        record([("app", text(name)), ("release", text(release)), ("functions", count(*functions))])
    };
    record([
        ("workers_setting", text(&cluster.workers_setting)),
        ("membership_epoch", int(cluster.epoch.into())),
        ("workers", list(cluster.workers.iter().map(worker))),
        ("apps", list(cluster.apps.iter().map(app))),
    ])
}

fn worker(worker: &WorkerReport) -> Zval {
    record([
        ("address", text(&worker.address)),
        ("weight", int(worker.weight.into())),
        ("listed", flag(worker.listed)),
        ("healthy", flag(worker.failures_in_a_row == 0)),
        ("failures_in_a_row", int(worker.failures_in_a_row.into())),
        ("rests_for", float(worker.rests_for)),
        ("connections_open", int(worker.connections_open.into())),
        ("connections_idle", count(worker.connections_idle)),
        ("board", flag(worker.board)),
        ("calls", int(i64::try_from(worker.calls).unwrap_or(i64::MAX))),
        ("failures", int(i64::try_from(worker.failures).unwrap_or(i64::MAX))),
    ])
}

/// Rows for phpinfo().
pub(crate) fn info() -> Vec<(String, String)> {
    let report = report();
    let mut rows = vec![
        ("Version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("Calls in flight".to_owned(), report.calls_in_flight.to_string()),
    ];
    for worker in report.connections.iter().flat_map(|cluster| &cluster.workers) {
        let state = format!(
            "{} calls, {} failures, {} connections ({} idle)",
            worker.calls, worker.failures, worker.connections_open, worker.connections_idle
        );
        rows.push((format!("Worker {}", worker.address), state));
    }
    rows
}

/// A fresh array takes another element until memory ends, which is no error but a bailout.
pub(super) fn record<const N: usize>(fields: [(&str, Zval); N]) -> Zval {
    let mut table = ZendHashTable::new();
    for (name, value) in fields {
        let _ = table.insert(name, value);
    }
    let mut array = Zval::new();
    array.set_hashtable(table);
    array
}

fn list(items: impl Iterator<Item = Zval>) -> Zval {
    let mut table = ZendHashTable::new();
    for item in items {
        let _ = table.push(item);
    }
    let mut array = Zval::new();
    array.set_hashtable(table);
    array
}

pub(super) fn count(number: usize) -> Zval {
    int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn float(number: f64) -> Zval {
    let mut value = Zval::new();
    value.set_double(number);
    value
}

fn flag(on: bool) -> Zval {
    let mut value = Zval::new();
    value.set_bool(on);
    value
}
