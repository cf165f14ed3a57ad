//! `appserver queue pause`, `drain` and `resume`.

use crate::admin::QueueMode;
use crate::cli::Stop;
use crate::cli::control::{ControlArgs, print};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::AppName;
use serde_json::Value;

const PAUSE_EXAMPLES: &str = "\
Examples:
  appserver queue pause mails --app shop

Jobs are taken as before and wait, also across restarts of the worker, until the queue is resumed.";

const DRAIN_EXAMPLES: &str = "\
Examples:
  appserver queue drain mails --app shop

Callers that queue a job get an UnavailableException until the queue is resumed.";

const RESUME_EXAMPLES: &str = "\
Examples:
  appserver queue resume mails --app shop";

#[derive(Debug, clap::Args)]
#[command(after_help = PAUSE_EXAMPLES)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(super) queue: ModeArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = DRAIN_EXAMPLES)]
pub(crate) struct DrainArgs {
    #[command(flatten)]
    pub(super) queue: ModeArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(super) queue: ModeArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ModeArgs {
    /// Name of the queue; where a job does not say, "default".
    #[arg(value_name = "QUEUE")]
    queue: String,
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(super) fn run(args: ModeArgs, mode: QueueMode) -> Result<(), Stop> {
    let (app, queue) = (args.app, args.queue);
    let outcomes = args.control.open()?.ask(|client| {
        let name = utf8_percent_encode(&queue, NON_ALPHANUMERIC);
        let path = format!("/v1/apps/{app}/queues/{name}/{}", mode.as_str());
        async move { client.post::<Value>(path, Value::Null).await }
    });
    let done = match mode {
        QueueMode::Pause => "begins nothing until it is resumed",
        QueueMode::Drain => "takes no new jobs until it is resumed",
        QueueMode::Resume => "takes and begins jobs",
    };
    print(&outcomes, args.json, |_| format!("queue {queue} of {app} {done}\n"))
}
