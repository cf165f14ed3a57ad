//! What `/metrics` says of jobs.

use super::metrics::{buckets, counter, gauge};
use crate::admin::Queues;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use protocol::{JobsStatus, LedgerStatus, QueueStatus};
use std::fmt;

/// A worker whose jobs are off has no figures of them beyond that.
pub(super) fn encode(
    jobs: &JobsStatus,
    queues: Option<&Queues>,
    out: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    gauge(out, "jobs_accepted", "1 while the worker takes jobs, 0 while they are refused")?
        .encode_gauge(&i64::from(jobs.refused.is_none()))?;
    totals(jobs, out)?;
    gauge(out, "jobs_awaiting", "Requests that wait for the end of a job or a batch")?
        .encode_gauge(&jobs.awaiting.cast_signed())?;
    of_queues(&jobs.queues, out)?;
    ages(queues, out)?;
    ledger(jobs, out)
}

fn totals(jobs: &JobsStatus, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let totals = &jobs.totals;
    let counters = [
        ("jobs_made", "Jobs taken", totals.made),
        ("jobs_done", "Jobs that returned", totals.done),
        ("jobs_dead", "Jobs that will not run again by themselves", totals.dead),
        ("jobs_cancelled", "Jobs that were cancelled", totals.cancelled),
        ("job_attempts_failed", "Attempts at jobs that failed", totals.failed),
        ("job_attempts_crashed", "Attempts at jobs under which an executor died", totals.crashed),
    ];
    for (name, help, count) in counters {
        counter(out, name, help)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

fn of_queues(queues: &[QueueStatus], out: &mut DescriptorEncoder<'_>) -> fmt::Result {
    type Figure = fn(&QueueStatus) -> i64;
    let figures: [(&str, &str, Figure); 3] = [
        ("jobs_waiting", "Jobs that wait", |queue| queue.waiting.cast_signed()),
        ("jobs_running", "Jobs that run", |queue| queue.running.cast_signed()),
        ("queue_paused", "1 for a queue that begins nothing", |queue| queue.paused.into()),
    ];
    for (name, help, figure) in figures {
        let mut family = gauge(out, name, help)?;
        for queue in queues {
            let labels = [("app", queue.app.as_str()), ("queue", queue.queue.as_str())];
            family.encode_family(&labels)?.encode_gauge(&figure(queue))?;
        }
    }
    Ok(())
}

fn ages(queues: Option<&Queues>, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "How long ago the oldest job was made that waits for its turn";
    let mut family = gauge(out, "jobs_oldest_waiting_seconds", help)?;
    for queue in queues.map(|all| all.queues.as_slice()).unwrap_or_default() {
        let labels = [("app", queue.app.as_str()), ("queue", queue.queue.as_str())];
        if let Some(oldest_ms) = queue.oldest_ms {
            family.encode_family(&labels)?.encode_gauge(&(oldest_ms as f64 / 1e3))?;
        }
    }
    Ok(())
}

fn ledger(jobs: &JobsStatus, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauge(out, "jobs_argument_bytes", "Arguments of jobs that wait or run")?
        .encode_gauge(&jobs.bytes.cast_signed())?;
    let LedgerStatus { live_bytes, file_bytes, log_bytes, commits_us, commits } = &jobs.ledger;
    let mut bytes = gauge(out, "jobs_ledger_bytes", "Bytes of the file that keeps jobs, by part")?;
    for (part, count) in [("live", live_bytes), ("file", file_bytes), ("log", log_bytes)] {
        bytes.encode_family(&[("part", part)])?.encode_gauge(&count.cast_signed())?;
    }
    let help = "How long it took until jobs were on disk, by commit";
    let buckets = buckets(commits);
    let count = buckets.iter().map(|(_, count)| count).sum();
    out.encode_descriptor("jobs_commit_duration_seconds", help, None, MetricType::Histogram)?
        .encode_histogram::<NoLabelSet>(*commits_us as f64 / 1e6, count, &buckets, None)
}
