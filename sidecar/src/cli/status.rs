//! `appserver status`: one look at a worker.

use super::client::WorkerArgs;
use super::{Stop, text};
use protocol::{
    AppStatus, ExecutorStatus, JobTotals, JobsStatus, PoolStatus, QueueStatus, Replacements,
    StatusReport,
};
use std::fmt::Write as _;
use std::io::{self, Write as _};

const EXAMPLES: &str = "\
Examples:
  appserver status
  appserver status --workers tls:10.0.0.7 --token-file /etc/appserver/token
  appserver status --json | jq '.apps[].pools[] | {pool, executors: (.executors | length)}'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    /// Print the whole report as JSON; its counters only grow.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

pub(crate) fn run(args: StatusArgs) -> Result<(), Stop> {
    let mut control = args.workers.open()?.control()?;
    let report = control.status()?;
    let text = if args.json {
        as_json(&report).to_string() + "\n"
    } else {
        describe(&control.worker().to_string(), &report)
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn as_json(report: &StatusReport) -> serde_json::Value {
    let mut json = serde_json::json!(report);
    for (member, app) in json["apps"].as_array_mut().into_iter().flatten().zip(&report.apps) {
        // In JSON a number of 64 bits loses its last digits with many readers.
        member["release"] = app.release.to_string().into();
    }
    json
}

fn describe(worker: &str, report: &StatusReport) -> String {
    let connections = &report.connections;
    let mut out = format!(
        "appserver {}, pid {}, up {}, {}\n",
        report.version,
        report.pid,
        text::long(report.uptime_ms / 1000),
        text::bytes(report.rss_bytes)
    );
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<12} {value}");
    };
    line("asked at", worker.to_owned());
    line("listens at", report.listeners.join(", "));
    line(
        "connections",
        format!(
            "{} of {} open, {} accepted, {} refused",
            connections.open, connections.max, connections.accepted, connections.refused
        ),
    );
    if connections.unread > 0 {
        let taken = text::bytes(connections.unread_bytes);
        line("unread", format!("{} results, {taken}, wait for their callers", connections.unread));
    }
    line("jobs", jobs(&report.jobs));
    if !report.membership.members.is_empty() {
        let members = report.membership.members.iter();
        let members: Vec<String> = members
            .map(|member| format!("{} (weight {})", member.address, member.weight))
            .collect();
        line("workers", format!("epoch {}: {}", report.membership.epoch, members.join(", ")));
    }
    for app in &report.apps {
        out.push('\n');
        out.push_str(&describe_app(app));
    }
    out
}

/// How jobs stand, in one line.
pub(super) fn jobs(jobs: &JobsStatus) -> String {
    let sum = |count: fn(&QueueStatus) -> u64| jobs.queues.iter().map(count).sum::<u64>();
    let (waiting, running) = (sum(|queue| queue.waiting), sum(|queue| queue.running));
    let paused = jobs.queues.iter().filter(|queue| queue.paused).count();
    let paused = match paused {
        0 => String::new(),
        1 => ", 1 queue paused".to_owned(),
        many => format!(", {many} queues paused"),
    };
    let JobTotals { done, dead, .. } = jobs.totals;
    let counts = format!("{waiting} waiting, {running} running, {done} done, {dead} dead{paused}");
    match &jobs.refused {
        Some(reason) if jobs.queues.is_empty() => format!("refused: {}", text::printable(reason)),
        Some(reason) => format!("{counts}; refused: {}", text::printable(reason)),
        None => counts,
    }
}

fn describe_app(app: &AppStatus) -> String {
    let mut out = format!(
        "{}, release {}, {}\n  folder {}, prototype {}\n",
        app.app, app.release, app.state, app.root, app.prototype_pid
    );
    for warning in &app.warnings {
        let _ = writeln!(out, "  warning: {}", text::printable(warning));
    }
    let titles = [
        "POOL",
        "EXECUTORS",
        "BUSY",
        "CONNECTIONS",
        "CALLS",
        "DIED",
        "RECYCLED",
        "REPLACED IN",
        "MEMORY",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(app.pools.iter().map(pool_row));
    out + &indented(&text::table(&rows))
}

fn pool_row(pool: &PoolStatus) -> Vec<String> {
    let executors = &pool.executors;
    let busy = executors.iter().filter(|executor| is_busy(executor)).count();
    vec![
        pool.pool.clone(),
        format!("{} ({} to {})", executors.len(), pool.executors_min, pool.executors_max),
        busy.to_string(),
        pool.connections.to_string(),
        executors.iter().map(|executor| executor.calls).sum::<u64>().to_string(),
        pool.died.to_string(),
        pool.recycled.to_string(),
        replaced_in(&pool.replacements),
        text::bytes(executors.iter().map(|executor| executor.rss_bytes).sum()),
    ]
}

/// How long replacements of executors that ended unasked took, at most.
fn replaced_in(replacements: &Replacements) -> String {
    match replacements.count {
        0 => "-".to_owned(),
        _ => text::micros(replacements.max_us),
    }
}

/// Whether an executor has a call.
pub(super) fn is_busy(executor: &ExecutorStatus) -> bool {
    matches!(executor.state.as_str(), "reading" | "running" | "replying")
}

fn indented(table: &str) -> String {
    table.lines().map(|line| format!("  {line}\n")).collect()
}
