//! `appserver queue retry`, `requeue`, `cancel` and `delete`: named jobs, or all that a filter means.

use super::filter::{FilterArgs, StateArgs};
use super::progress::Progress;
use super::{in_words, of_one_worker};
use crate::admin::{ChangeAll, ChangedAll, JobChange, JobFilter};
use crate::cli::control::{Client, ControlArgs, Failure, Fleet, Outcome, finish, print};
use crate::cli::{Exit, Stop};
use protocol::{JobId, JobState};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};

/// How many jobs are named of many.
const NAMED_MAX: usize = 10;

const RETRY_EXAMPLES: &str = "\
Examples:
  appserver queue retry 01932c07-209c-7a4f-8e3f-5c1d00000001
  appserver queue retry --state cancelled --tag import-7 --dry-run";

const REQUEUE_EXAMPLES: &str = "\
Examples:
  appserver queue requeue --queue mails --dry-run
  appserver queue requeue --function send_receipt --yes";

const CANCEL_EXAMPLES: &str = "\
Examples:
  appserver queue cancel 01932c07-209c-7a4f-8e3f-5c1d00000001
  appserver queue cancel --tag import-7 --state waiting";

const DELETE_EXAMPLES: &str = "\
Examples:
  appserver queue delete --state dead --older-than 7d
  appserver queue delete 01932c07-209c-7a4f-8e3f-5c1d00000001";

#[derive(Debug, clap::Args)]
#[command(after_help = RETRY_EXAMPLES)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(super) jobs: ChangeArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = CANCEL_EXAMPLES)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(super) jobs: ChangeArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = DELETE_EXAMPLES)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(super) jobs: ChangeArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = REQUEUE_EXAMPLES)]
pub(crate) struct RequeueArgs {
    #[command(flatten)]
    many: ManyArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ChangeArgs {
    /// Ids of jobs; else all that the options mean.
    #[arg(value_name = "JOB")]
    ids: Vec<JobId>,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    many: ManyArgs,
}

#[derive(Debug, clap::Args)]
struct ManyArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// All jobs to which it can be done, where nothing else says which.
    #[arg(long, help_heading = "Which jobs")]
    all: bool,
    /// Only tell how many there are, and the first of them.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask whether it is meant.
    #[arg(long)]
    yes: bool,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn run(args: ChangeArgs, change: JobChange) -> Result<(), Stop> {
    let state = args.state.state;
    match args.ids.is_empty() {
        true => many(args.many, state, change),
        false => named(args.ids, args.many, state, change),
    }
}

pub(super) fn requeue(args: RequeueArgs) -> Result<(), Stop> {
    // Dead jobs alone are many enough to be meant without a further word.
    let many_args = ManyArgs { all: true, ..args.many };
    many(many_args, Some(JobState::Dead), JobChange::Retry)
}

/// One after the other: each is on one of the workers.
fn named(
    ids: Vec<JobId>,
    args: ManyArgs,
    state: Option<JobState>,
    change: JobChange,
) -> Result<(), Stop> {
    if args.all || args.dry_run || args.filter.with(state) != JobFilter::default() {
        let message = "ids of jobs and options that say which jobs exclude each other";
        return Err(Stop::new(Exit::Usage, message));
    }
    let fleet = args.control.open()?;
    let mut outcomes = Vec::new();
    for id in ids {
        let answers = fleet.ask(|client| async move {
            let done: Result<Value, Failure> = match change {
                JobChange::Delete => client.delete(format!("/v1/jobs/{id}")).await,
                _ => client.post(format!("/v1/jobs/{id}/{}", change.as_str()), Value::Null).await,
            };
            done.map(|_| json!({"id": id.to_string()}))
        });
        outcomes.extend(of_one_worker(answers));
    }
    print(&outcomes, args.json, |done| {
        format!("{}: job {}\n", past(change), done["id"].as_str().unwrap_or_default())
    })
}

fn many(args: ManyArgs, state: Option<JobState>, change: JobChange) -> Result<(), Stop> {
    let filter = args.filter.with(state);
    if filter == JobFilter::default() && !args.all {
        let message =
            "say which jobs: by their ids, by options such as --queue and --state, or --all";
        return Err(Stop::new(Exit::Usage, message));
    }
    let fleet = args.control.open()?;
    let find = || fleet.ask(|client| change_all(client, change, filter.clone(), None));
    if args.dry_run {
        return print(&find(), args.json, |found| {
            describe(found, &format!("would {}", change.as_str()))
        });
    }
    if !args.yes {
        let found = find();
        if total(&found) == 0 {
            return print(&found, args.json, |_| "no such jobs\n".to_owned());
        }
        confirm(&fleet, &found, change)?;
    }
    let progress = Progress::new(past(change));
    let done =
        fleet.ask(|client| change_all(client, change, filter.clone(), Some(progress.clone())));
    progress.end();
    print(&done, args.json, |done| describe(done, past(change)))
}

/// Shows what is meant, and asks.
fn confirm(fleet: &Fleet, found: &[Outcome<ChangedAll>], change: JobChange) -> Result<(), Stop> {
    if !io::stdin().is_terminal() {
        let message = "this is about many jobs: see which with --dry-run, and say that it is meant \
                       with --yes";
        return Err(Stop::new(Exit::Usage, message));
    }
    let first = found.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    for job in first.flat_map(|found| &found.first).take(NAMED_MAX) {
        eprintln!("  {}", in_words(job));
    }
    // A worker that does not answer would be left out.
    finish(found)?;
    let workers = match fleet.clients().len() {
        1 => String::new(),
        workers => format!(" on {workers} workers"),
    };
    eprint!("{} {} jobs{workers}? [y/N] ", change.as_str(), total(found));
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Stop::new(Exit::Failed, "nothing was changed")),
    }
}

/// Part by part, until the worker says that it is all. Without `progress` nothing is changed.
async fn change_all(
    client: Client,
    change: JobChange,
    filter: JobFilter,
    progress: Option<Progress>,
) -> Result<ChangedAll, Failure> {
    let (mut all, dry_run) = (ChangedAll::default(), progress.is_none());
    loop {
        let body = ChangeAll { filter: filter.clone(), dry_run, before: all.before };
        let path = format!("/v1/jobs:{}", change.as_str());
        let answered = client.post::<ChangedAll>(path, json!(body)).await;
        let part = answered.map_err(|cause| match dry_run {
            true => cause,
            false => cause.after(past(change), all.jobs),
        })?;
        all.jobs += part.jobs;
        let room = NAMED_MAX.saturating_sub(all.first.len());
        all.first.extend(part.first.into_iter().take(room));
        all.before = part.before;
        if all.before.is_none() {
            return Ok(all);
        }
        progress.iter().for_each(|progress| progress.add(part.jobs));
    }
}

fn total(outcomes: &[Outcome<ChangedAll>]) -> u64 {
    outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok()).map(|all| all.jobs).sum()
}

fn past(change: JobChange) -> &'static str {
    match change {
        JobChange::Cancel => "cancelled",
        JobChange::Retry => "queued again",
        JobChange::Delete => "deleted",
    }
}

fn describe(all: &ChangedAll, what: &str) -> String {
    let jobs: String = all.first.iter().map(|job| format!("  {}\n", in_words(job))).collect();
    let more = all.jobs.saturating_sub(all.first.len() as u64);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    let plural = if all.jobs == 1 { "job" } else { "jobs" };
    format!("{what}: {} {plural}\n{jobs}{more}", all.jobs)
}
