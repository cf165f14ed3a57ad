//! `appserver rollback`: an earlier release takes over again.

use super::Stop;
use super::control::ControlArgs;
use super::swap::Swap;
use protocol::AppName;

const EXAMPLES: &str = "\
Examples:
  appserver rollback --app shop
  appserver rollback --app shop --to 5
  appserver rollback --app shop --workers https://w1.example,https://w2.example

With several workers, it takes over on all of them or, if one cannot, on none.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RollbackArgs {
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Number of the release to go back to, 0 for the folder that is served without a deploy; else the
    /// one before the current one.
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// Also when callers can break; to the release before the current one it always goes.
    #[arg(long)]
    allow_breaking: bool,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(args: RollbackArgs) -> Result<(), Stop> {
    let fleet = args.control.open()?;
    let swap = Swap::back(&fleet, &args.app, args.to)?;
    swap.allowing_breaking(args.allow_breaking).run(args.json)
}
