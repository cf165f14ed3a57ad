//! What two reports of a worker say about the time between them.

use crate::cli::status::is_busy;
use protocol::{AppName, ExecutorStatus, FunctionStats, StatusReport};
use shm::histogram::quantile_us;
use std::time::Instant;

/// A report and when it came.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) report: StatusReport,
}

#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) worker: &'a str,
    pub(super) report: &'a StatusReport,
    /// Length of the time that rates and percentiles are about.
    pub(super) seconds: f64,
    /// Whether that is all the time since the worker's start.
    pub(super) since_start: bool,
    pub(super) jobs_per_second: f64,
    pub(super) functions: Vec<FunctionRow<'a>>,
    pub(super) executors: Vec<ExecutorRow<'a>>,
}

#[derive(Debug)]
pub(super) struct FunctionRow<'a> {
    pub(super) app: &'a AppName,
    pub(super) function: &'a str,
    pub(super) calls: u64,
    pub(super) errors: u64,
    pub(super) calls_per_second: f64,
    pub(super) errors_per_second: f64,
    /// Microseconds; `None` when there was no call.
    pub(super) p50_us: Option<u64>,
    pub(super) p95_us: Option<u64>,
    pub(super) p99_us: Option<u64>,
}

#[derive(Debug)]
pub(super) struct ExecutorRow<'a> {
    pub(super) app: &'a AppName,
    pub(super) pool: &'a str,
    pub(super) status: &'a ExecutorStatus,
}

impl<'a> View<'a> {
    pub(super) fn new(worker: &'a str, before: Option<&Sample>, now: &'a Sample) -> Self {
        let report = &now.report;
        // A worker that was started again counts from 0.
        let before = before.filter(|before| before.report.pid == report.pid);
        let seconds = match before {
            Some(before) => now.at.duration_since(before.at).as_secs_f64(),
            None => report.uptime_ms as f64 / 1000.0,
        };
        Self {
            worker,
            report,
            seconds,
            since_start: before.is_none(),
            jobs_per_second: jobs_per_second(before.map(|before| &before.report), report, seconds),
            functions: functions(before.map(|before| &before.report), report, seconds),
            executors: executors(report),
        }
    }

    pub(super) fn calls_per_second(&self) -> f64 {
        self.functions.iter().map(|row| row.calls_per_second).sum()
    }

    pub(super) fn errors_per_second(&self) -> f64 {
        self.functions.iter().map(|row| row.errors_per_second).sum()
    }

    pub(super) fn executors_bytes(&self) -> u64 {
        self.executors.iter().map(|row| row.status.rss_bytes).sum()
    }

    pub(super) fn executors_busy(&self) -> usize {
        self.executors.iter().filter(|row| is_busy(row.status)).count()
    }
}

/// Jobs that were done.
fn jobs_per_second(before: Option<&StatusReport>, now: &StatusReport, seconds: f64) -> f64 {
    let earlier = before.map_or(0, |before| before.jobs.totals.done);
    let done = now.jobs.totals.done.saturating_sub(earlier);
    if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
}

fn functions<'a>(
    before: Option<&StatusReport>,
    now: &'a StatusReport,
    seconds: f64,
) -> Vec<FunctionRow<'a>> {
    let rows = now.apps.iter().flat_map(|app| {
        let earlier = before
            .and_then(|report| {
                report.apps.iter().find(|old| old.app == app.app && old.release == app.release)
            })
            .map_or(&[][..], |old| old.functions.as_slice());
        app.functions.iter().map(move |stats| {
            let old = earlier.iter().find(|old| old.function == stats.function);
            row(&app.app, old, stats, seconds)
        })
    });
    rows.collect()
}

fn row<'a>(
    app: &'a AppName,
    old: Option<&FunctionStats>,
    now: &'a FunctionStats,
    seconds: f64,
) -> FunctionRow<'a> {
    let calls = now.calls.saturating_sub(old.map_or(0, |old| old.calls));
    let errors = now.errors.saturating_sub(old.map_or(0, |old| old.errors));
    let old_buckets = old.map_or(&[][..], |old| old.histogram.as_slice());
    let buckets: Vec<u64> = now
        .histogram
        .iter()
        .enumerate()
        .map(|(bucket, count)| count.saturating_sub(old_buckets.get(bucket).copied().unwrap_or(0)))
        .collect();
    let per_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    FunctionRow {
        app,
        function: &now.function,
        calls: now.calls,
        errors: now.errors,
        calls_per_second: per_second(calls),
        errors_per_second: per_second(errors),
        p50_us: quantile_us(&buckets, 0.50),
        p95_us: quantile_us(&buckets, 0.95),
        p99_us: quantile_us(&buckets, 0.99),
    }
}

fn executors(report: &StatusReport) -> Vec<ExecutorRow<'_>> {
    let pools = report.apps.iter().flat_map(|app| app.pools.iter().map(move |pool| (app, pool)));
    let rows = pools.flat_map(|(app, pool)| {
        pool.executors.iter().map(move |status| ExecutorRow {
            app: &app.app,
            pool: &pool.pool,
            status,
        })
    });
    rows.collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use protocol::{
        AppStatus, ConnectionStats, Isolation, JobsStatus, Membership, PoolStatus, ReleaseId,
        Replacements,
    };
    use shm::histogram::{BUCKETS, bucket};
    use std::time::Duration;

    /// A report of one application with `calls` calls of 10 µs, then `slow` ones of 1 ms.
    pub(crate) fn report(calls: u64, slow: u64) -> StatusReport {
        let mut histogram = vec![0; BUCKETS];
        histogram[bucket(10_000)] = calls;
        histogram[bucket(1_000_000)] += slow;
        let executor = ExecutorStatus {
            pid: 77,
            state: "running".to_owned(),
            calls: calls + slow,
            rss_bytes: 3 << 20,
            function: Some("quote".to_owned()),
            running_us: 1500,
        };
        StatusReport {
            version: "1.2.3".to_owned(),
            pid: 7,
            uptime_ms: 10_000,
            rss_bytes: 1 << 20,
            listeners: vec!["unix:/a.sock".to_owned()],
            membership: Membership::default(),
            connections: ConnectionStats {
                open: 3,
                max: 9,
                accepted: 4,
                refused: 1,
                unread: 2,
                unread_bytes: 5 * 1024 * 1024,
            },
            jobs: JobsStatus::default(),
            apps: vec![AppStatus {
                app: AppName::new("shop").unwrap(),
                release: ReleaseId(1),
                state: "running".to_owned(),
                root: "/srv/shop".to_owned(),
                prototype_pid: 70,
                pools: vec![PoolStatus {
                    pool: "default".to_owned(),
                    isolation: Isolation::Stateless,
                    executors_min: 1,
                    executors_max: 4,
                    connections: 2,
                    died: 0,
                    recycled: 0,
                    replacements: Replacements::default(),
                    executors: vec![executor],
                }],
                functions: vec![FunctionStats {
                    function: "quote".to_owned(),
                    calls: calls + slow,
                    errors: slow,
                    total_us: 0,
                    histogram,
                }],
                warnings: Vec::new(),
            }],
        }
    }

    #[test]
    fn rates_and_percentiles_are_about_the_time_between_two_reports() {
        let start = Instant::now();
        let before = Sample { at: start, report: report(1_000, 0) };
        let now = Sample { at: start + Duration::from_secs(2), report: report(1_000, 50) };
        let view = View::new("w", Some(&before), &now);
        let row = &view.functions[0];
        assert_eq!((row.calls_per_second, row.errors_per_second), (25.0, 25.0));
        assert!(row.p50_us.unwrap() >= 1_000);
        assert!(!view.since_start);
    }

    #[test]
    fn without_an_earlier_report_of_the_same_process_they_are_about_its_whole_life() {
        let now = Sample { at: Instant::now(), report: report(100, 0) };
        let mut other = now.clone();
        other.report.pid = 8;
        for before in [None, Some(&other)] {
            let view = View::new("w", before, &now);
            assert!(view.since_start);
            assert_eq!(view.functions[0].calls_per_second, 10.0);
            assert!(view.functions[0].p99_us.unwrap() < 20);
        }
    }

    #[test]
    fn a_function_that_was_not_called_has_no_percentiles() {
        let at = Instant::now();
        let now = Sample { at, report: report(5, 0) };
        let view = View::new("w", Some(&now), &now);
        assert_eq!((view.functions[0].p50_us, view.functions[0].calls_per_second), (None, 0.0));
    }
}
