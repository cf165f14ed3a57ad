//! `appserver proxy`: code for callers.

mod output;

use super::client::WorkerArgs;
use super::{Exit, Stop, text};
use crate::proxy::{Selection, package, single};
use output::Output;
use protocol::{AppName, Patterns};
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver proxy generate --app shop > remote.php
  appserver proxy generate --app shop --only 'Shop\\*' -o remote.php
  appserver proxy generate --app shop --composer packages/shop
  appserver proxy generate --app shop --check remote.php --strict

A proxy has the name, types, defaults, attributes and doc comment of the deployed function, and calls it.";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ProxyCommand {
    /// Write functions and classes that call the deployed ones of the same names.
    Generate(GenerateArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GenerateArgs {
    /// Application; not needed where the worker has only one.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: Option<AppName>,
    /// Only functions whose names match: * for any characters, ? for one; repeat it for several.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Not those whose names match, e.g. because the caller keeps its own; repeat it for several.
    #[arg(long, value_name = "PATTERN")]
    except: Vec<String>,
    /// File to write, all of it or nothing; else standard output.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["composer", "check"])]
    output: Option<PathBuf>,
    /// Folder to write as a Composer package: one file for each class, and one of functions.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    composer: Option<PathBuf>,
    /// Write nothing; fail if the file, or the Composer package in the folder, is out of date.
    #[arg(long, value_name = "PATH")]
    check: Option<PathBuf>,
    /// Fail, and write nothing, when a function cannot have a working proxy.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

pub(crate) fn run(ProxyCommand::Generate(args): ProxyCommand) -> Result<(), Stop> {
    let app = args.app.unwrap_or_default();
    let catalog = args.workers.open()?.control()?.catalog(app)?;
    let selection =
        Selection::new(&catalog, &Patterns::new(&args.only), &Patterns::new(&args.except));
    if selection.is_empty() {
        let message = format!("{} has no function that these patterns choose", catalog.app);
        return Err(Stop::new(Exit::NotFound, message));
    }
    report(&selection);
    if args.strict && !selection.refusals.is_empty() {
        let message = "nothing was written: --strict wants a working proxy for every function";
        return Err(Stop::new(Exit::Failed, message));
    }
    match Output::from(args.output, args.composer, args.check) {
        Output::Stdout => Ok(io::stdout().write_all(single(&selection).as_bytes())?),
        Output::File(path) => output::write(&path, &single(&selection)),
        Output::Package(folder) => output::write_package(&folder, &package(&selection)),
        Output::Check(path) if path.is_dir() => output::check_package(&path, &package(&selection)),
        Output::Check(path) => output::check(&path, &single(&selection)),
    }
}

/// What is missing, on stderr: it must not be found out by a caller in production.
fn report(selection: &Selection<'_>) {
    for refusal in &selection.refusals {
        let fate = if refusal.throws { "its proxy throws" } else { "it has no proxy" };
        let line = format!("{}: {fate}: {}", refusal.what, refusal.reason);
        eprintln!("appserver: {}", text::printable(&line));
    }
    for line in &selection.left_out {
        eprintln!("appserver: {}", text::printable(line));
    }
}
