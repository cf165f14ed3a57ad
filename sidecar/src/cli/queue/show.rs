//! `appserver queue show`: everything about a job.

use super::{find, in_words};
use crate::admin::{BatchStatus, JobDetail};
use crate::cli::control::ControlArgs;
use crate::cli::{Stop, text};
use protocol::{Attempt, JobId, Outcome};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write as _};

const EXAMPLES: &str = "\
Examples:
  appserver queue show 01932c07-209c-7a4f-8e3f-5c1d00000001";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Id of the job.
    #[arg(value_name = "JOB")]
    job: JobId,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn run(args: ShowArgs) -> Result<(), Stop> {
    let (_, job) = find(&args.control.open()?, args.job)?;
    let text = if args.json { json!(job).to_string() + "\n" } else { describe(&job) };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn describe(detail: &JobDetail) -> String {
    let job = &detail.job;
    let mut out = in_words(job) + "\n";
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(out, "  {name:<12} {}", text::printable(&value));
        }
    };
    line("why", Some(detail.waits_for.clone()));
    line("made", Some(text::time(job.made_at_ms)));
    line("due", (job.due_at_ms > job.made_at_ms).then(|| text::time(job.due_at_ms)));
    line("expires", detail.expires_at_ms.map(text::time));
    line("ended", job.ended_at_ms.map(text::time));
    line("priority", (job.priority != 0).then(|| job.priority.to_string()));
    line(
        "attempts",
        Some(format!(
            "{} begun; {} of {} failures, {} of {} crashes",
            job.attempt, job.failures, detail.attempts_max, job.crashes, detail.crashes_max
        )),
    );
    line("timeout", detail.timeout_ms.map(|ms| text::micros(u64::from(ms) * 1000)));
    line("progress", detail.progress.as_ref().map(progress));
    line("group", job.group.clone());
    line("tags", Some(job.tags.join(", ")));
    line("unique key", detail.unique_key.clone());
    line("idempotency", detail.idempotency_key.clone());
    line("next", detail.next.as_ref().map(|next| format!("{next}, the next step of its chain")));
    line("batch", job.batch.as_ref().map(|id| batch(id, detail.batch_status.as_ref())));
    for (name, followed) in detail.batch_status.iter().flat_map(followed) {
        line(name, followed.map(|id| format!("{id}, of the batch")));
    }
    line("arguments", Some(text::bytes(detail.argument_bytes.into())));
    line("result", detail.result_bytes.map(text::bytes));
    out + &attempts(&detail.attempts)
}

fn batch(id: &str, status: Option<&BatchStatus>) -> String {
    let Some(BatchStatus { name, total, done, failed, cancelled, .. }) = status else {
        return id.to_owned();
    };
    let name = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
    format!("{id}{name}: {done} of {total} done, {failed} failed, {cancelled} cancelled")
}

fn followed(status: &BatchStatus) -> [(&'static str, Option<&String>); 3] {
    let BatchStatus { then, catch, finally, .. } = status;
    [("then", then.as_ref()), ("catch", catch.as_ref()), ("finally", finally.as_ref())]
}

fn progress(progress: &protocol::Progress) -> String {
    let total = if progress.total == 0 { String::new() } else { format!(" of {}", progress.total) };
    format!("{}{total} {}", progress.done, progress.message)
}

fn attempts(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return String::new();
    }
    let mut rows =
        vec![["ATTEMPT", "BEGAN", "TOOK", "OUTCOME", "ERROR"].map(str::to_owned).to_vec()];
    rows.extend(attempts.iter().map(|attempt| {
        vec![
            attempt.number.to_string(),
            text::time(attempt.began_ms),
            text::micros(attempt.took_ms.saturating_mul(1000)),
            outcome(attempt.outcome).to_owned(),
            attempt.error.clone(),
        ]
    }));
    text::table(&rows)
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Returned => "returned",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Crashed => "crashed",
        Outcome::Interrupted => "interrupted",
        Outcome::Cancelled => "cancelled",
        Outcome::Expired => "expired",
        Outcome::Released => "released",
    }
}
