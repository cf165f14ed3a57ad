//! `appserver canary`, `promote` and `abort`: a release on trial.

use super::Stop;
use super::control::{ControlArgs, print};
use super::swap::Swap;
use crate::admin::Canary;
use protocol::AppName;
use serde_json::{Value, json};

const CANARY_EXAMPLES: &str = "\
Examples:
  appserver deploy ./build --app shop --key deploy.key --stage-only
  appserver canary --app shop --release 8 --percent 10
  appserver promote --app shop

A web request stays in one release for all its calls, and so does a key of calls with an affinity.";

const PROMOTE_EXAMPLES: &str = "\
Examples:
  appserver promote --app shop
  appserver promote --app shop --release 8 --to https://w1.example,https://w2.example

With several workers, it takes over on all of them or, if one cannot, on none.";

const ABORT_EXAMPLES: &str = "\
Examples:
  appserver abort --app shop";

#[derive(Debug, clap::Args)]
#[command(after_help = CANARY_EXAMPLES)]
pub(crate) struct CanaryArgs {
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Number of a staged release.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    release: u64,
    /// Its share of the requests, from 0.01 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    percent: f64,
    /// Also when callers can break.
    #[arg(long)]
    allow_breaking: bool,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = PROMOTE_EXAMPLES)]
pub(crate) struct PromoteArgs {
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Number of a staged release that is no canary.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    release: Option<u64>,
    /// Also when callers can break.
    #[arg(long)]
    allow_breaking: bool,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ABORT_EXAMPLES)]
pub(crate) struct AbortArgs {
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.01..=100.0).contains(percent));
    percent.ok_or_else(|| "write a number from 0.01 to 100".to_owned())
}

pub(crate) fn canary(args: CanaryArgs) -> Result<(), Stop> {
    let (app, release, percent) = (args.app, args.release, args.percent);
    let question = Canary { release, percent, allow_breaking: args.allow_breaking };
    let outcomes = args.control.open()?.ask(|client| {
        let (path, body) = (format!("/v1/apps/{app}/canary"), json!(question));
        async move { client.post::<Value>(path, body).await }
    });
    print(&outcomes, args.json, |_| format!("release {release} gets {percent} % of the requests\n"))
}

pub(crate) fn promote(args: PromoteArgs) -> Result<(), Stop> {
    let fleet = args.control.open()?;
    let swap = match args.release {
        Some(number) => Swap::to_release(&fleet, &args.app, number),
        None => Swap::to_canary(&fleet, &args.app)?,
    };
    swap.allowing_breaking(args.allow_breaking).run(args.json)
}

pub(crate) fn abort(args: AbortArgs) -> Result<(), Stop> {
    let outcomes = args.control.open()?.ask(|client| {
        let path = format!("/v1/apps/{}/abort", args.app);
        async move { client.post::<Value>(path, Value::Null).await }
    });
    print(&outcomes, args.json, |_| "no release is on trial or prepared\n".to_owned())
}
