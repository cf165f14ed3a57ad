//! `appserver deploy`: a new release on every worker, or on none.

mod build;
mod interrupt;
mod known;
mod progress;
mod report;
mod stage;

pub(crate) use build::deployer;

use super::control::{ControlArgs, Failure, Fleet, Outcome, finish};
use super::swap::Swap;
use super::{Exit, Stop};
use crate::admin::{App, Code};
use archive::DeployKey;
use build::{Package, Wanted};
use interrupt::Interrupt;
use progress::Progress;
use protocol::AppName;
use report::Report;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver keygen --out deploy.key
  appserver deploy ./build --app shop --key deploy.key
  appserver deploy shop.phar --app shop --key deploy.key --to https://w1.example,https://w2.example
  appserver deploy . --git v1.2.0 --app shop --key deploy.key --note 'ticket 7'

It is staged on every worker, which callers do not notice; when all have staged it, it takes over on
all of them. If one fails, nothing changes anywhere. It goes back with appserver rollback.
Ctrl-C before it takes over gives it up and withdraws what was staged.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeployArgs {
    /// Folder, .phar, .zip, .tar, .tar.gz, .tar.bz2 or .tar.zst.
    path: PathBuf,
    /// Application.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Private key that signs the release; see appserver keygen.
    #[arg(long, value_name = "FILE", env = "APPSERVER_DEPLOY_KEY")]
    key: PathBuf,
    /// What this commit, tag or branch of the repository at PATH has, instead of its files.
    #[arg(long, value_name = "REVISION")]
    git: Option<String>,
    /// Why, for the list of releases.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Also when callers can break: a function is gone, or takes or returns something else.
    #[arg(long)]
    allow_breaking: bool,
    /// Stage it, and leave the current release where it is; see canary and promote.
    #[arg(long)]
    stage_only: bool,
    /// Also when app.toml names the application otherwise.
    #[arg(long)]
    rename: bool,
    /// Build it and ask the workers, and change nothing.
    #[arg(long, conflicts_with = "stage_only")]
    dry_run: bool,
    /// Print one JSON object: what was built, and each worker's answers.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(args: DeployArgs) -> Result<(), Stop> {
    let key = DeployKey::load(&args.key).map_err(|e| Stop::new(Exit::Config, e.to_string()))?;
    let fleet = args.control.open()?;
    let progress = Progress::start();
    let before = ask(&fleet, &args.app, !args.stage_only && !args.dry_run)?;
    let known = known::of(&fleet, &args.app, &before)?;
    known.tell(&progress);
    let number = next_number(&before).max(known.removed_at + 1);
    let wanted = Wanted { path: &args.path, revision: args.git.as_deref() };
    progress.say(&format!("building release {number} of {} from {wanted}", args.app));
    let package = Package::build(&wanted)?;
    if !args.rename {
        refuse_other_name(&args.app, &package)?;
    }
    let mut report = Report::new(&args.app, number, &package, &before);
    if args.dry_run {
        return report.print("dry run", args.json);
    }
    let file = package.seal(&args.app, number, args.note.unwrap_or_default(), &key)?;
    let interrupt = Interrupt::watch(
        format!("appserver drain --app {} --release {number}", args.app),
        format!("appserver promote --app {} --release {number}", args.app),
    )?;
    report.staged = stage::everywhere(&fleet, &args.app, number, &file, &progress, &interrupt)?;
    if interrupt.came() {
        stage::withdraw_everywhere(&fleet, &args.app, number);
        return report.print("interrupted", args.json);
    }
    if finish(&report.staged).is_err() {
        stage::withdraw(&fleet, &args.app, number, &report.staged);
        return report.print("not staged", args.json);
    }
    if args.stage_only {
        return report.print("staged", args.json);
    }
    if report.is_breaking() && !args.allow_breaking {
        stage::withdraw(&fleet, &args.app, number, &report.staged);
        return report.print("breaking", args.json);
    }
    progress.say("all have staged it; it takes over");
    let swap = Swap::to_release(&fleet, &args.app, number);
    let expected = before.iter().map(current).collect();
    let swap = swap.allowing_breaking(args.allow_breaking).expecting(expected);
    report.activated = swap.carry_out_if(|| interrupt.begin_to_activate());
    if report.activated.iter().all(|outcome| outcome.result.is_err()) {
        stage::withdraw(&fleet, &args.app, number, &report.staged);
    }
    if interrupt.came() {
        return report.print("interrupted", args.json);
    }
    report.print("activated", args.json)
}

/// A mistyped name would be a new application.
fn refuse_other_name(app: &AppName, package: &Package) -> Result<(), Stop> {
    match package.name().filter(|name| name != app.as_str()) {
        None => Ok(()),
        Some(name) => Err(Stop::new(
            Exit::Usage,
            format!(
                "its app.toml names the application \"{name}\", and --app says \"{app}\": nothing was \
                 deployed; --rename does it all the same"
            ),
        )),
    }
}

/// What each worker has of the application; none of it is as good an answer as any.
fn ask(fleet: &Fleet, app: &AppName, take_over: bool) -> Result<Vec<Outcome<Option<App>>>, Stop> {
    let outcomes = fleet.ask(|client| {
        let path = format!("/v1/apps/{app}");
        async move {
            match client.get::<App>(path).await {
                Ok(app) => Ok(Some(app)),
                Err(failure) if failure.code() == Some(Code::UnknownApp) => Ok(None),
                Err(failure) => Err::<_, Failure>(failure),
            }
        }
    });
    for outcome in &outcomes {
        if let Err(failure) = &outcome.result {
            eprintln!("appserver: {}: {failure}", outcome.worker());
        }
    }
    if let Err(stop) = finish(&outcomes) {
        // Nothing has been done anywhere yet.
        let exit = if stop.exit == Exit::Partial { Exit::Unavailable } else { stop.exit };
        return Err(Stop::new(exit, "nothing was deployed"));
    }
    let on_trial = outcomes.iter().find_map(|outcome| {
        let app = outcome.result.as_ref().ok()?.as_ref()?;
        app.canary.map(|canary| (outcome.worker(), canary.release))
    });
    match on_trial.filter(|_| take_over) {
        None => Ok(outcomes),
        Some((worker, release)) => {
            let message = format!(
                "{worker} has release {release} on trial: end that with appserver promote or \
                 appserver abort, or deploy with --stage-only"
            );
            Err(Stop::new(Exit::Conflict, message))
        }
    }
}

/// One higher than any worker has accepted.
fn next_number(before: &[Outcome<Option<App>>]) -> u64 {
    let known = before.iter().filter_map(|outcome| outcome.result.as_ref().ok()?.as_ref());
    known.map(|app| app.highest).max().unwrap_or(0) + 1
}

fn current(before: &Outcome<Option<App>>) -> Option<u64> {
    before.result.as_ref().ok()?.as_ref().map(|app| app.current)
}
