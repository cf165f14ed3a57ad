//! `appserver audit`: who did what, when, with which result.

use super::control::{ControlArgs, print};
use super::{Stop, text};
use crate::admin::AuditEntry;

const EXAMPLES: &str = "\
Examples:
  appserver audit
  appserver audit --limit 1000 --json | jq '.[].result[] | select(.result != \"ok\")'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuditArgs {
    /// Most entries, the newest ones.
    #[arg(
        long,
        value_name = "N",
        default_value = "100",
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    limit: u32,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(args: AuditArgs) -> Result<(), Stop> {
    let limit = args.limit;
    let outcomes = args.control.open()?.ask(|client| async move {
        client.get::<Vec<AuditEntry>>(format!("/v1/audit?limit={limit}")).await
    });
    print(&outcomes, args.json, |entries| describe(entries))
}

fn describe(entries: &[AuditEntry]) -> String {
    let titles = ["WHEN", "WHO", "APP", "WHAT", "RELEASE", "RESULT", "DETAIL"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|entry| {
        vec![
            text::time(entry.at_ms),
            entry.by.clone(),
            entry.app.clone(),
            entry.action.clone(),
            entry.release.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            entry.result.clone(),
            entry.detail.clone(),
        ]
    }));
    text::table(&rows)
}
