//! `appserver queue`: jobs and their queues, on all workers of the command.

mod age;
mod change;
mod explain;
mod filter;
mod list;
mod mode;
mod progress;
mod show;
mod stats;
mod tail;

use super::Stop;
use super::control::{Client, Failure, Fleet, Outcome, finish, unless_unknown_to_all};
use crate::admin::{Code, Job, JobChange, JobDetail, QueueMode};
use protocol::JobId;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum QueueCommand {
    /// List jobs, the newest first.
    List(list::ListArgs),
    /// Show every queue, and what jobs take of the worker.
    Stats(stats::StatsArgs),
    /// Show everything about a job.
    Show(show::ShowArgs),
    /// Say why a job does not run.
    Explain(explain::ExplainArgs),
    /// Follow what happens to jobs.
    Tail(tail::TailArgs),
    /// List dead jobs: those that will not run again unless somebody asks for it.
    Dead(list::DeadArgs),
    /// Have a queue begin nothing; what runs goes on.
    Pause(mode::PauseArgs),
    /// Have a queue take no new jobs, and run those that it has.
    Drain(mode::DrainArgs),
    /// Have a queue that was paused or drained take and begin jobs again.
    Resume(mode::ResumeArgs),
    /// Have jobs that are over wait again, with all their attempts.
    Retry(change::RetryArgs),
    /// Have dead jobs wait again.
    Requeue(change::RequeueArgs),
    /// Cancel jobs: those that wait never run, those that run are interrupted.
    Cancel(change::CancelArgs),
    /// Forget jobs that do not run.
    Delete(change::DeleteArgs),
}

pub(crate) fn run(command: QueueCommand) -> Result<(), Stop> {
    match command {
        QueueCommand::List(args) => list::list(args),
        QueueCommand::Dead(args) => list::dead(args),
        QueueCommand::Stats(args) => stats::run(args),
        QueueCommand::Show(args) => show::run(args),
        QueueCommand::Explain(args) => explain::run(args),
        QueueCommand::Tail(args) => tail::run(args),
        QueueCommand::Pause(args) => mode::run(args.queue, QueueMode::Pause),
        QueueCommand::Drain(args) => mode::run(args.queue, QueueMode::Drain),
        QueueCommand::Resume(args) => mode::run(args.queue, QueueMode::Resume),
        QueueCommand::Retry(args) => change::run(args.jobs, JobChange::Retry),
        QueueCommand::Requeue(args) => change::requeue(args),
        QueueCommand::Cancel(args) => change::run(args.jobs, JobChange::Cancel),
        QueueCommand::Delete(args) => change::run(args.jobs, JobChange::Delete),
    }
}

/// A job is on one worker: the others' not knowing it is no failure, unless nobody does.
fn of_one_worker<T>(outcomes: Vec<Outcome<T>>) -> Vec<Outcome<T>> {
    unless_unknown_to_all(outcomes, |code| code == Code::UnknownJob)
}

/// The job, from the worker that has it.
fn find(fleet: &Fleet, id: JobId) -> Result<(String, JobDetail), Stop> {
    let outcomes = of_one_worker(fleet.ask(|client| detail(client, id)));
    for outcome in &outcomes {
        if let Err(failure) = &outcome.result {
            eprintln!("appserver: {}: {failure}", outcome.worker());
        }
    }
    let found = outcomes
        .iter()
        .find_map(|outcome| Some((outcome.worker(), outcome.result.as_ref().ok()?.clone())));
    match found {
        Some(found) => Ok(found),
        None => Err(finish(&outcomes).err().unwrap_or_else(|| Stop::silent(super::Exit::NotFound))),
    }
}

async fn detail(client: Client, id: JobId) -> Result<JobDetail, Failure> {
    client.get(format!("/v1/jobs/{id}")).await
}

/// A job in a few words.
fn in_words(job: &Job) -> String {
    format!(
        "{} {} in queue {} of {}, {}",
        job.id,
        job.function,
        job.queue,
        job.app,
        job.state.as_str()
    )
}
