//! `appserver queue stats`: every queue, and what jobs take of the worker.

use crate::admin::{Queue, Queues};
use crate::cli::control::{ControlArgs, print};
use crate::cli::{Stop, text};
use protocol::{AppName, LedgerStatus};
use shm::histogram;
use std::fmt::Write;

const EXAMPLES: &str = "\
Examples:
  appserver queue stats
  appserver queue stats --app shop --json | jq '.[].result.queues[] | {queue, waiting}'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatsArgs {
    /// Queues of this application alone.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: Option<AppName>,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn run(args: StatsArgs) -> Result<(), Stop> {
    let mut outcomes = args
        .control
        .open()?
        .ask(|client| async move { client.get::<Queues>("/v1/jobs/queues".to_owned()).await });
    if let Some(app) = &args.app {
        let answers = outcomes.iter_mut().filter_map(|outcome| outcome.result.as_mut().ok());
        answers.for_each(|all| all.queues.retain(|queue| queue.app == app.as_str()));
    }
    print(&outcomes, args.json, describe)
}

fn describe(all: &Queues) -> String {
    let mut out = String::new();
    if let Some(refused) = &all.refused {
        let _ = writeln!(out, "jobs are refused: {}", text::printable(refused));
    }
    let totals = &all.totals;
    let _ = writeln!(
        out,
        "since the start {} made, {} done, {} dead, {} cancelled; {} attempts failed, {} crashed",
        totals.made, totals.done, totals.dead, totals.cancelled, totals.failed, totals.crashed
    );
    let _ = writeln!(out, "arguments {}, {}", text::bytes(all.bytes), ledger(&all.ledger));
    if all.queues.is_empty() {
        return out + "no queues yet: the first job makes its own\n";
    }
    let titles = ["APP", "QUEUE", "WAITING", "RUNNING", "OLDEST", "LIMITS", "STATE"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(all.queues.iter().map(row));
    out + &text::table(&rows)
}

fn row(queue: &Queue) -> Vec<String> {
    let state = match (queue.paused, queue.draining) {
        (true, _) => "paused",
        (false, true) => "draining",
        (false, false) => "open",
    };
    let concurrency = queue.concurrency.map(|most| format!("{most} at a time"));
    let limits: Vec<String> = concurrency.into_iter().chain(queue.rate.clone()).collect();
    vec![
        queue.app.clone(),
        queue.queue.clone(),
        queue.waiting.to_string(),
        queue.running.to_string(),
        queue.oldest_ms.map_or_else(|| "-".to_owned(), |ms| text::micros(ms.saturating_mul(1000))),
        if limits.is_empty() { "-".to_owned() } else { limits.join(", ") },
        state.to_owned(),
    ]
}

fn ledger(ledger: &LedgerStatus) -> String {
    let quantile = |q| histogram::quantile_us(&ledger.commits, q);
    let commits: u64 = ledger.commits.iter().sum();
    let times = match (quantile(0.5), quantile(0.99)) {
        (Some(half), Some(most)) => {
            format!(", half within {}, 99 % within {}", text::micros(half), text::micros(most))
        }
        _ => String::new(),
    };
    let (file, log) = (text::bytes(ledger.file_bytes), text::bytes(ledger.log_bytes));
    format!("file {file}, log {log}, {commits} commits{times}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_a_row_with_its_limits_and_what_it_does() {
        let queue = Queue {
            app: "shop".to_owned(),
            queue: "mails".to_owned(),
            paused: false,
            draining: true,
            waiting: 12,
            running: 2,
            oldest_ms: Some(90_000),
            concurrency: Some(2),
            rate: Some("100/min".to_owned()),
        };
        let expected =
            ["shop", "mails", "12", "2", "1 min 30 s", "2 at a time, 100/min", "draining"];
        assert_eq!(row(&queue), expected);
        let all = Queues { refused: Some("the disk is full".to_owned()), ..Queues::default() };
        let text = describe(&all);
        assert!(text.starts_with("jobs are refused: the disk is full\n"), "{text}");
        assert!(text.ends_with("no queues yet: the first job makes its own\n"), "{text}");
    }
}
