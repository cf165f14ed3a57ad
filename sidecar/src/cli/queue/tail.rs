//! `appserver queue tail`: what happens to jobs, as it happens. It asks twice a second for what is new,
//! which costs a worker nothing while nothing happens, and nothing at all while nobody asks.

use super::filter::FilterArgs;
use crate::admin::{JobEvent, JobEvents, JobFilter};
use crate::cli::control::{ControlArgs, Outcome, finish};
use crate::cli::{Exit, Stop, text};
use serde_json::json;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  appserver queue tail
  appserver queue tail --queue mails --json | jq -c 'select(.what == \"dead\")'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Print a JSON object on a line for each event.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn run(args: TailArgs) -> Result<(), Stop> {
    let filter = args.filter.with(None);
    if filter.tag.is_some() || filter.group.is_some() || filter.older_than_ms.is_some() {
        let message = "events are chosen by --app, --queue and --function alone";
        return Err(Stop::new(Exit::Usage, message));
    }
    let fleet = args.control.open()?;
    // Of each worker, what to ask for next.
    let mut after: HashMap<String, u64> = HashMap::new();
    loop {
        let outcomes = fleet.ask(|client| {
            let path = match after.get(&client.worker()) {
                Some(after) => format!("/v1/jobs/events?after={after}"),
                None => "/v1/jobs/events".to_owned(),
            };
            async move { client.get::<JobEvents>(path).await }
        });
        if outcomes.iter().all(|outcome| outcome.result.is_err()) {
            tell_failures(&outcomes);
            return finish(&outcomes);
        }
        if after.is_empty() {
            tell_failures(&outcomes);
            eprintln!("following jobs; Ctrl-C ends it");
        }
        for outcome in &outcomes {
            if let Ok(answer) = &outcome.result {
                show(&outcome.worker(), answer, &filter, args.json)?;
                after.insert(outcome.worker(), answer.after);
            }
        }
        fleet.pause(PAUSE);
    }
}

fn tell_failures(outcomes: &[Outcome<JobEvents>]) {
    for outcome in outcomes {
        if let Err(failure) = &outcome.result {
            eprintln!("appserver: {}: {}", outcome.worker(), text::printable(&failure.to_string()));
        }
    }
}

fn show(worker: &str, answer: &JobEvents, filter: &JobFilter, as_json: bool) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    if answer.missed > 0 {
        eprintln!("appserver: {worker}: {} events were too many to be told", answer.missed);
    }
    for event in answer.events.iter().filter(|event| fits(event, filter)) {
        match as_json {
            true => writeln!(out, "{}", json!(event))?,
            false => out.write_all(line(event).as_bytes())?,
        }
    }
    out.flush()?;
    Ok(())
}

fn fits(event: &JobEvent, filter: &JobFilter) -> bool {
    filter.app.as_ref().is_none_or(|app| app.as_str() == event.app)
        && filter.queue.as_ref().is_none_or(|queue| *queue == event.queue)
        && filter.function.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&event.function))
}

fn line(event: &JobEvent) -> String {
    let attempt = match event.attempt {
        0 => String::new(),
        attempt => format!(" (attempt {attempt})"),
    };
    let text = if event.text.is_empty() { String::new() } else { format!(": {}", event.text) };
    let text = text::printable(&text).replace('\n', " ");
    format!(
        "{} {} {:<9} {} of {}, queue {}{attempt}{text}\n",
        text::time(event.at_ms),
        event.id,
        event.what.as_str(),
        event.function,
        event.app,
        event.queue
    )
}
