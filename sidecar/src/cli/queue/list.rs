//! `appserver queue list` and `appserver queue dead`.

use super::filter::{FilterArgs, StateArgs, query};
use crate::admin::{Job, JobFilter, JobPage};
use crate::cli::control::{Client, ControlArgs, Failure, print};
use crate::cli::{Stop, text};
use protocol::JobState;

/// Most jobs of one question.
const PAGE_MAX: usize = 1000;

const LIST_EXAMPLES: &str = "\
Examples:
  appserver queue list
  appserver queue list --queue mails --state waiting --older-than 1h
  appserver queue list --tag order-81 --json | jq '.[].result[].id'";

const DEAD_EXAMPLES: &str = "\
Examples:
  appserver queue dead
  appserver queue dead --function send_receipt --limit 1000";

#[derive(Debug, clap::Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = DEAD_EXAMPLES)]
pub(crate) struct DeadArgs {
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, clap::Args)]
struct CommonArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Most jobs of each worker.
    #[arg(
        long,
        value_name = "N",
        default_value = "50",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    limit: u32,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn list(args: ListArgs) -> Result<(), Stop> {
    show(args.common, args.state.state, describe)
}

pub(super) fn dead(args: DeadArgs) -> Result<(), Stop> {
    show(args.common, Some(JobState::Dead), describe_dead)
}

fn show(
    args: CommonArgs,
    state: Option<JobState>,
    describe: impl Fn(&[Job]) -> String,
) -> Result<(), Stop> {
    let filter = args.filter.with(state);
    let limit = args.limit as usize;
    let outcomes = args.control.open()?.ask(|client| jobs(client, filter.clone(), limit));
    print(&outcomes, args.json, |jobs| describe(jobs))
}

/// Page by page: one that looked at enough may have less than was asked for.
async fn jobs(client: Client, filter: JobFilter, limit: usize) -> Result<Vec<Job>, Failure> {
    let (mut jobs, mut before) = (Vec::new(), None);
    loop {
        let missing = (limit - jobs.len()).min(PAGE_MAX);
        let older = before.map_or_else(String::new, |before| format!("before={before}&"));
        let path = format!("/v1/jobs?{}{older}limit={missing}", query(&filter));
        let page: JobPage = client.get(path).await?;
        jobs.extend(page.jobs);
        before = page.before;
        if before.is_none() || jobs.len() >= limit {
            return Ok(jobs);
        }
    }
}

fn describe(jobs: &[Job]) -> String {
    let titles = ["ID", "APP", "QUEUE", "FUNCTION", "STATE", "ATTEMPTS", "MADE", "NOTE"];
    table(titles, jobs, |job| {
        let note = if job.cause.is_empty() { job.tags.join(" ") } else { job.cause.clone() };
        let state = job.state.as_str().to_owned();
        [
            job.id.clone(),
            job.app.clone(),
            job.queue.clone(),
            job.function.clone(),
            state,
            job.attempt.to_string(),
            text::time(job.made_at_ms),
            note,
        ]
    })
}

fn describe_dead(jobs: &[Job]) -> String {
    let titles = ["ID", "APP", "QUEUE", "FUNCTION", "FAILED", "CRASHED", "SINCE", "WHY"];
    table(titles, jobs, |job| {
        [
            job.id.clone(),
            job.app.clone(),
            job.queue.clone(),
            job.function.clone(),
            job.failures.to_string(),
            job.crashes.to_string(),
            text::time(job.ended_at_ms.unwrap_or_default()),
            job.cause.clone(),
        ]
    })
}

fn table<const N: usize>(
    titles: [&str; N],
    jobs: &[Job],
    row: impl Fn(&Job) -> [String; N],
) -> String {
    if jobs.is_empty() {
        return "no jobs\n".to_owned();
    }
    let titles = titles.map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = jobs.iter().map(|job| row(job).to_vec()).collect();
    text::table(&[vec![titles], rows].concat())
}
