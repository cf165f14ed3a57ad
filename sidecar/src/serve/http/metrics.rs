//! The worker's figures in the text format of OpenMetrics, which Prometheus reads.

use super::jobs_metrics as jobs;
use crate::admin::Queues;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use protocol::{AppStatus, StatusReport};
use std::collections::BTreeMap;
use std::fmt;

/// Bounds of the latency histogram in microseconds: all of the scoreboard's would be 124 series a
/// function.
const BOUNDS_US: [u64; 15] = [
    8, 16, 32, 64, 128, 256, 512, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304,
    16_777_216,
];

/// A report as text.
pub(super) fn text(report: StatusReport, queues: Option<Queues>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("appserver");
    registry.register_collector(Box::new(Figures(report, queues)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Figures(StatusReport, Option<Queues>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        self.worker(out)?;
        self.connections(out)?;
        self.releases(out)?;
        self.pools(out)?;
        self.functions(out)?;
        jobs::encode(&self.0.jobs, self.1.as_ref(), out)
    }
}

impl Figures {
    fn worker(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let up = self.0.uptime_ms as f64 / 1e3;
        gauge(out, "uptime_seconds", "Time since the worker started")?.encode_gauge(&up)?;
        let rss = self.0.rss_bytes.cast_signed();
        gauge(out, "supervisor_memory_bytes", "Resident memory of the supervisor")?
            .encode_gauge(&rss)
    }

    fn connections(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let connections = &self.0.connections;
        gauge(out, "connections_open", "Connections of callers")?
            .encode_gauge(&i64::from(connections.open))?;
        gauge(out, "connections_max", "Most connections at a time")?
            .encode_gauge(&i64::from(connections.max))?;
        gauge(out, "unread_results", "Results that wait for their callers to read them")?
            .encode_gauge(&i64::from(connections.unread))?;
        gauge(out, "unread_bytes", "Memory that such results take")?
            .encode_gauge(&connections.unread_bytes.cast_signed())?;
        let counters = [
            ("connections_accepted", "Connections let in", connections.accepted),
            ("connections_refused", "Connections turned away", connections.refused),
        ];
        for (name, help, count) in counters {
            counter(out, name, help)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn releases(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut releases = gauge(out, "release_state", "1 for the state that a release is in")?;
        for app in &self.0.apps {
            let (name, release) = (app.app.as_str(), app.release.to_string());
            let state = app.state.split(':').next().unwrap_or_default();
            let labels = [("app", name), ("release", release.as_str()), ("state", state)];
            releases.encode_family(&labels)?.encode_gauge(&1i64)?;
        }
        Ok(())
    }

    fn pools(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut executors = gauge(out, "executors", "Executors by what they do")?;
        for (labels, pool) in self.each_pool() {
            let mut states = BTreeMap::<&str, i64>::new();
            for state in ["starting", "idle", "reading", "running", "replying"] {
                states.insert(state, 0);
            }
            pool.executors.iter().for_each(|e| *states.entry(e.state.as_str()).or_default() += 1);
            for (state, count) in states {
                let [app, release, pool] = labels.each_ref().map(|(k, v)| (*k, v.as_str()));
                let labels = [app, release, pool, ("state", state)];
                executors.encode_family(&labels)?.encode_gauge(&count)?;
            }
        }
        let mut memory = gauge(out, "executors_memory_bytes", "Resident memory of executors")?;
        for (labels, pool) in self.each_pool() {
            let bytes: u64 = pool.executors.iter().map(|executor| executor.rss_bytes).sum();
            memory.encode_family(&labels)?.encode_gauge(&bytes.cast_signed())?;
        }
        let mut died = counter(out, "executors_died", "Executors that died during a call")?;
        for (labels, pool) in self.each_pool() {
            died.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&pool.died, None)?;
        }
        let mut recycled = counter(out, "executors_recycled", "Executors replaced by rule")?;
        for (labels, pool) in self.each_pool() {
            let mut family = recycled.encode_family(&labels)?;
            family.encode_counter::<NoLabelSet, _, u64>(&pool.recycled, None)?;
        }
        Ok(())
    }

    fn functions(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut calls = counter(out, "calls", "Calls answered, by function")?;
        for (labels, function) in self.each_function() {
            let mut family = calls.encode_family(&labels)?;
            family.encode_counter::<NoLabelSet, _, u64>(&function.calls, None)?;
        }
        let mut errors = counter(out, "call_errors", "Calls that failed, by function")?;
        for (labels, function) in self.each_function() {
            let mut family = errors.encode_family(&labels)?;
            family.encode_counter::<NoLabelSet, _, u64>(&function.errors, None)?;
        }
        let help = "How long calls took, by function";
        let mut durations =
            out.encode_descriptor("call_duration_seconds", help, None, MetricType::Histogram)?;
        for (labels, function) in self.each_function() {
            let buckets = buckets(&function.histogram);
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum = function.total_us as f64 / 1e6;
            let mut family = durations.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn each_pool(&self) -> impl Iterator<Item = (Labels, &protocol::PoolStatus)> {
        self.0
            .apps
            .iter()
            .flat_map(|app| app.pools.iter().map(|pool| (labels(app, "pool", &pool.pool), pool)))
    }

    fn each_function(&self) -> impl Iterator<Item = (Labels, &protocol::FunctionStats)> {
        self.0.apps.iter().flat_map(|app| {
            app.functions.iter().map(|stats| (labels(app, "function", &stats.function), stats))
        })
    }
}

type Labels = [(&'static str, String); 3];

fn labels(app: &AppStatus, name: &'static str, value: &str) -> Labels {
    [("app", app.app.to_string()), ("release", app.release.to_string()), (name, value.to_owned())]
}

pub(super) fn gauge<'a>(
    out: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    out.encode_descriptor(name, help, None, MetricType::Gauge)
}

pub(super) fn counter<'a>(
    out: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    out.encode_descriptor(name, help, None, MetricType::Counter)
}

/// The scoreboard's buckets, each counted under the first of our bounds that it lies below.
pub(super) fn buckets(histogram: &[u64]) -> Vec<(f64, u64)> {
    let bounds = BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
    let mut buckets: Vec<(f64, u64)> = bounds.map(|bound| (bound, 0)).collect();
    for (bucket, count) in histogram.iter().enumerate() {
        let upper = shm::histogram::upper_us(bucket);
        let index = BOUNDS_US.partition_point(|bound| *bound < upper);
        buckets[index].1 += count;
    }
    buckets
}
