//! `appserver releases`: what workers have, and where it stands.

use super::control::{ControlArgs, Failure, print};
use super::{Stop, text};
use crate::admin::{App, Release, ReleaseState};
use protocol::AppName;

const EXAMPLES: &str = "\
Examples:
  appserver releases
  appserver releases --app shop --to https://w1.example,https://w2.example
  appserver releases --app shop --json | jq '.[] | [.worker, .result[].current]'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReleasesArgs {
    /// Application; by default all of the workers'.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: Option<AppName>,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(args: ReleasesArgs) -> Result<(), Stop> {
    let (fleet, app) = (args.control.open()?, args.app);
    let outcomes = fleet.ask(|client| {
        let app = app.clone();
        async move {
            match app {
                None => client.get::<Vec<App>>("/v1/apps".to_owned()).await,
                Some(app) => Ok::<_, Failure>(vec![client.get(format!("/v1/apps/{app}")).await?]),
            }
        }
    });
    print(&outcomes, args.json, |apps| {
        let told: Vec<String> = apps.iter().filter(|app| !app.removed).map(describe).collect();
        if told.is_empty() { "no application\n".to_owned() } else { told.join("\n") }
    })
}

fn describe(app: &App) -> String {
    let mut title = match app.current {
        0 if app.releases.iter().any(|release| release.number == 0) => {
            format!("{}, served from a folder", app.app)
        }
        0 => format!("{}, nothing activated yet", app.app),
        number => format!("{}, release {number}", app.app),
    };
    if let Some(previous) = app.previous {
        title += &format!(", before it {previous}");
    }
    if let Some(canary) = app.canary {
        title += &format!(", canary {} with {} %", canary.release, canary.percent);
    }
    if app.settings_generation > 0 {
        title += &format!(", settings {}", app.settings_generation);
    }
    if let Some(reason) = &app.behind {
        title += &format!("; takes no calls: {}", text::printable(reason));
    }
    let titles = ["RELEASE", "STATE", "ID", "SIGNED", "BY", "FUNCTIONS", "RUNNING", "NOTE"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(app.releases.iter().map(row));
    format!("{title}\n{}", text::table(&rows))
}

fn row(release: &Release) -> Vec<String> {
    let note = match &release.reason {
        Some(reason) => format!("{} ({reason})", release.note).trim_start().to_owned(),
        None => release.note.clone(),
    };
    vec![
        release.number.to_string(),
        word(release.state).to_owned(),
        release.id.clone(),
        text::time(release.signed_at_ms),
        release.deployer.clone(),
        functions(release),
        release.running.to_string(),
        note,
    ]
}

/// How many it has; of one that does not run nobody knows.
fn functions(release: &Release) -> String {
    match release.state {
        ReleaseState::Kept | ReleaseState::Starting | ReleaseState::Failed => "-".to_owned(),
        _ => release.functions.to_string(),
    }
}

/// As the API says it.
fn word(state: ReleaseState) -> &'static str {
    match state {
        ReleaseState::Kept => "kept",
        ReleaseState::Starting => "starting",
        ReleaseState::Staged => "staged",
        ReleaseState::Current => "current",
        ReleaseState::Canary => "canary",
        ReleaseState::Draining => "draining",
        ReleaseState::Failed => "failed",
    }
}
