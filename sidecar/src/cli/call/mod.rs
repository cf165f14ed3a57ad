//! `appserver call`: one function, from the shell.

mod arguments;
mod failure;
mod interrupt;
mod latency;
mod session;

use super::client::{Answer, CallRequest, WorkerArgs};
use super::{Exit, Stop, seconds, text};
use arguments::Source;
use interrupt::{InFlight, cancel_on_signals};
use latency::Latency;
use protocol::{FUNCTION_NAME_BYTES_MAX, ReleaseId, split_target};
use serde_json::{Value, json};
use session::Session;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  appserver call hello World
  appserver call shop:quote '{\"sku\":\"A-1\",\"count\":3}' EUR
  appserver call quote --named sku=A-1 count=3
  appserver call 'Price::net' -- -5
  jq -c '[.]' order.json | appserver call import --args-json -
  appserver call hello World --repeat 1000

Each ARG is a JSON value, or else a string: 3 is a number, \"3\" in double quotes and World are strings.
The result is printed as JSON, indented on a terminal; what went wrong, and what the function printed
with --output, go to stderr.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct CallArgs {
    /// Function, Class::method, or APP:FUNCTION where a worker has several applications.
    #[arg(value_name = "[APP:]FUNCTION")]
    target: String,
    /// Arguments: JSON values or bare strings.
    #[arg(value_name = "ARG")]
    args: Vec<String>,
    /// Each ARG is name=VALUE.
    #[arg(long)]
    named: bool,
    /// All arguments as a JSON array or object; "-" reads it from stdin.
    #[arg(long, value_name = "JSON", conflicts_with_all = ["args", "named"])]
    args_json: Option<String>,
    /// Longest the call may take, in seconds; 0 = no limit but the function's own.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    /// Show what the function prints.
    #[arg(long)]
    output: bool,
    /// Call N times, one after another on one connection, and sum up how long all but the first took.
    #[arg(long, value_name = "N", default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    repeat: u32,
    /// Print a string result as it is, without quotes.
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Print one JSON object: the result or the failure, and how the call went.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

pub(crate) fn run(args: CallArgs) -> Result<(), Stop> {
    let (app, function) =
        split_target(&args.target).map_err(|error| Stop::new(Exit::Usage, error.to_string()))?;
    if function.is_empty() || function.len() > FUNCTION_NAME_BYTES_MAX {
        let message = format!("\"{}\" names no function", args.target);
        return Err(Stop::new(Exit::Usage, message));
    }
    let arguments = source(&args).read()?;
    let workers = Arc::new(args.workers.clone().open()?);
    let in_flight = InFlight::default();
    cancel_on_signals(&workers, &in_flight)?;
    let (timeout, output) = (args.timeout, args.output);
    let request = CallRequest { function, arguments: &arguments, timeout, output };
    let mut session = Session::new(&workers, app.unwrap_or_default(), request, in_flight);
    // The first call also connects; its time would say nothing about the others.
    let mut latency = Latency::default();
    let mut answer = session.call()?;
    for _ in 1..args.repeat {
        if answer.outcome.is_err() {
            break;
        }
        let started = Instant::now();
        answer = session.call()?;
        latency.add(started.elapsed());
    }
    report(&args, &session, answer, &latency)
}

fn source(args: &CallArgs) -> Source<'_> {
    match args.args_json.as_deref() {
        Some("-") => Source::Stdin,
        Some(text) => Source::Json(text),
        None if args.named => Source::Named(&args.args),
        None => Source::Positional(&args.args),
    }
}

/// Prints the result, or ends with the failure.
fn report(
    args: &CallArgs,
    session: &Session<'_>,
    answer: Answer,
    latency: &Latency,
) -> Result<(), Stop> {
    if args.json {
        return report_json(args, session, &answer, latency);
    }
    let printed = text::printable(&String::from_utf8_lossy(&answer.printed));
    io::stderr().write_all(printed.as_bytes())?;
    if !printed.is_empty() && !printed.ends_with('\n') {
        io::stderr().write_all(b"\n")?;
    }
    if !latency.is_empty() {
        eprintln!("{}", latency.describe());
    }
    match answer.outcome {
        Ok(result) => writeln!(io::stdout(), "{}", shown(&result, args.raw)).map_err(Stop::from),
        Err(failure) => {
            let notice = text::printable(session.notice());
            let also = if notice.is_empty() { notice } else { format!("; {notice}") };
            let message = failure::describe(&failure) + &also;
            Err(Stop::new(failure::exit(&failure), message))
        }
    }
}

/// A result as it is printed: as the worker wrote it where a program reads it, indented for people.
fn shown(result: &str, raw: bool) -> String {
    let Ok(value) = serde_json::from_str::<Value>(result) else { return result.to_owned() };
    match value {
        Value::String(text) if raw => text,
        value if io::stdout().is_terminal() => {
            serde_json::to_string_pretty(&value).unwrap_or_else(|_| result.to_owned())
        }
        _ => result.to_owned(),
    }
}

fn report_json(
    args: &CallArgs,
    session: &Session<'_>,
    answer: &Answer,
    latency: &Latency,
) -> Result<(), Stop> {
    let mut object = json!({
        "ok": answer.outcome.is_ok(),
        "worker": session.worker(),
        "request_id": session.request_id(),
        "release": ReleaseId(answer.release_id).to_string(),
    });
    if args.output {
        object["output"] = String::from_utf8_lossy(&answer.printed).into();
    }
    if !latency.is_empty() {
        object["latency"] = latency.to_json();
    }
    let exit = match &answer.outcome {
        Ok(result) => {
            object["result"] = serde_json::from_str(result).map_err(|error| {
                Stop::new(Exit::Protocol, format!("the result is not valid JSON: {error}"))
            })?;
            Exit::Ok
        }
        Err(failure) => {
            object["failure"] = failure::to_json(failure);
            if !session.notice().is_empty() {
                object["notice"] = session.notice().into();
            }
            failure::exit(failure)
        }
    };
    writeln!(io::stdout(), "{object}")?;
    if exit == Exit::Ok { Ok(()) } else { Err(Stop::silent(exit)) }
}
