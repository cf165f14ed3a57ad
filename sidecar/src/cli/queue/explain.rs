//! `appserver queue explain`: why a job does not run.

use super::{find, in_words};
use crate::admin::JobDetail;
use crate::cli::control::ControlArgs;
use crate::cli::{Stop, text};
use protocol::{JobId, JobState};
use serde_json::json;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  appserver queue explain 01932c07-209c-7a4f-8e3f-5c1d00000001";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// Id of the job.
    #[arg(value_name = "JOB")]
    job: JobId,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn run(args: ExplainArgs) -> Result<(), Stop> {
    let (worker, detail) = find(&args.control.open()?, args.job)?;
    let why = why(&detail);
    if args.json {
        let job = &detail.job;
        let state = job.state.as_str();
        let answer = json!({"worker": worker, "id": job.id, "state": state, "why": why});
        writeln!(io::stdout(), "{answer}")?;
    } else {
        write!(io::stdout(), "{}\n{}\n", in_words(&detail.job), text::printable(&why))?;
    }
    Ok(())
}

fn why(detail: &JobDetail) -> String {
    let (job, said) = (&detail.job, detail.waits_for.as_str());
    let retry = format!("have it wait again by: appserver queue retry {}", job.id);
    match job.state {
        JobState::Waiting if said.is_empty() => "nothing holds it back: it begins now".to_owned(),
        JobState::Waiting => said.to_owned(),
        JobState::Running => match detail.job.attempt {
            1 => "it runs, for the first time".to_owned(),
            attempt => format!("it runs: attempt {attempt}"),
        },
        JobState::Done => match &detail.next {
            Some(next) => format!("it returned, and is done; its chain goes on with {next}"),
            None => "it returned, and is done".to_owned(),
        },
        JobState::Dead => format!("it is dead: {said}; {retry}"),
        JobState::Cancelled => format!("it is cancelled: {said}; {retry}"),
    }
}
