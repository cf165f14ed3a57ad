//! `appserver drain` and `appserver prune`: what becomes of releases that are not current.

use super::control::{ControlArgs, print};
use super::{Stop, text};
use crate::admin::{Number, Prune, Pruned};
use protocol::AppName;
use serde_json::{Value, json};

const DRAIN_EXAMPLES: &str = "\
Examples:
  appserver drain --app shop --release 7

Requests that are pinned to the release get ReleaseGone at their next call.";

const PRUNE_EXAMPLES: &str = "\
Examples:
  appserver prune --app shop
  appserver prune --app shop --keep 2 --to https://w1.example,https://w2.example";

#[derive(Debug, clap::Args)]
#[command(after_help = DRAIN_EXAMPLES)]
pub(crate) struct DrainArgs {
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Number of the release.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    release: u64,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = PRUNE_EXAMPLES)]
pub(crate) struct PruneArgs {
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Newest releases to keep, beside the current one, the one before it and a canary.
    #[arg(long, value_name = "N", default_value = "5")]
    keep: usize,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn drain(args: DrainArgs) -> Result<(), Stop> {
    let (app, number) = (args.app, args.release);
    let outcomes = args.control.open()?.ask(|client| {
        let path = format!("/v1/apps/{app}/drain");
        async move { client.post::<Value>(path, json!(Number { number })).await }
    });
    print(&outcomes, args.json, |_| format!("release {number} stops when its calls have ended\n"))
}

pub(crate) fn prune(args: PruneArgs) -> Result<(), Stop> {
    let (app, keep) = (args.app, args.keep);
    let outcomes = args.control.open()?.ask(|client| {
        let path = format!("/v1/apps/{app}/prune");
        async move { client.post::<Pruned>(path, json!(Prune { keep })).await }
    });
    print(&outcomes, args.json, |pruned| {
        let numbers: Vec<String> = pruned.removed.iter().map(u64::to_string).collect();
        match numbers.is_empty() {
            true => "nothing to remove\n".to_owned(),
            false => {
                format!("removed {}, {} freed\n", numbers.join(", "), text::bytes(pruned.bytes))
            }
        }
    })
}
