//! `appserver remove`: an application that is not wanted any more.

use super::Stop;
use super::control::{ControlArgs, print};
use crate::admin::Remove;
use protocol::AppName;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  appserver remove shp
  appserver remove shop --force --to https://w1.example,https://w2.example

Its releases stop when their calls have ended; its files and settings go. Nothing brings it back but a
new deploy.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RemoveArgs {
    /// Application.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Also when it takes calls, which fail from then on.
    #[arg(long)]
    force: bool,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(args: RemoveArgs) -> Result<(), Stop> {
    let (app, body) = (args.app, json!(Remove { force: args.force }));
    let outcomes = args.control.open()?.ask(|client| {
        let (path, body) = (format!("/v1/apps/{app}/remove"), body.clone());
        async move { client.post::<Value>(path, body).await }
    });
    print(&outcomes, args.json, |_| format!("\"{app}\" is removed\n"))
}
