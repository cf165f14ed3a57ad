//! The command line.

mod audit;
mod cache;
mod call;
mod canary;
mod check;
mod client;
mod control;
mod deploy;
mod dev;
mod exit;
mod explain;
mod functions;
mod generate;
mod keygen;
mod provision_sql;
mod proxy;
mod queue;
#[cfg(test)]
mod reference;
mod releases;
mod remove;
mod retire;
mod rollback;
mod seconds;
mod serve;
mod settings;
mod status;
mod swap;
mod text;
mod top;

pub(crate) use exit::{Exit, Stop};
pub(crate) use seconds::seconds;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  appserver serve --app examples/hello --listen unix:/tmp/hello.sock
  appserver call --workers unix:/tmp/hello.sock hello World
  appserver top --workers unix:/tmp/hello.sock";

/// Runs functions of PHP applications for other processes.
#[derive(Debug, Parser)]
#[command(name = "appserver", version, after_help = EXAMPLES)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve applications: start PHP, listen, run calls.
    Serve(serve::ServeArgs),
    /// Serve a folder that is being edited: each save is a new release.
    Dev(dev::DevArgs),
    /// Call a function and print its result.
    Call(call::CallArgs),
    /// Show what a worker serves and how it does.
    Status(status::StatusArgs),
    /// List the functions that can be called.
    Functions(functions::FunctionsArgs),
    /// Make PHP code that calls deployed functions by their own names.
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Proxy(proxy::ProxyCommand),
    /// Watch a worker at work.
    Top(top::TopArgs),
    /// Make the key that signs releases.
    Keygen(keygen::KeygenArgs),
    /// Bring a new release to every worker, or to none.
    Deploy(deploy::DeployArgs),
    /// List the releases that workers have.
    Releases(releases::ReleasesArgs),
    /// Go back to an earlier release.
    Rollback(rollback::RollbackArgs),
    /// Give a staged release a share of the requests.
    Canary(canary::CanaryArgs),
    /// Make the canary, or another staged release, the current one.
    Promote(canary::PromoteArgs),
    /// Give the canary no more requests; forget what was prepared.
    Abort(canary::AbortArgs),
    /// End a release that is not current when its calls have ended.
    Drain(retire::DrainArgs),
    /// Remove old releases.
    Prune(retire::PruneArgs),
    /// Remove an application.
    Remove(remove::RemoveArgs),
    /// Look after jobs and their queues.
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Queue(queue::QueueCommand),
    /// Look after results that callers keep.
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Cache(cache::CacheCommand),
    /// Show who did what, when, with which result.
    Audit(audit::AuditArgs),
    /// Check configuration without starting anything; change settings of an application.
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Config(check::ConfigCommand),
    /// Run an SQL file in an SQLite database: what a step of [[provision]] is made of.
    #[command(hide = true)]
    ProvisionSql(provision_sql::ProvisionSqlArgs),
    /// Print a completion script for a shell.
    Completions(generate::CompletionsArgs),
    /// Write man pages.
    Man(generate::ManArgs),
}

/// Reads the command line; on `--help` or a mistake it prints and exits, as clap does.
pub(crate) fn parse() -> Command {
    let matches = definition().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    cli.command
}

/// Runs a command.
pub(crate) fn run(command: Command) -> Result<(), Stop> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Dev(args) => dev::run(args),
        Command::Call(args) => call::run(args),
        Command::Status(args) => status::run(args),
        Command::Functions(args) => functions::run(args),
        Command::Proxy(command) => proxy::run(command),
        Command::Top(args) => top::run(args),
        Command::Keygen(args) => keygen::run(args),
        Command::Deploy(args) => deploy::run(args),
        Command::Releases(args) => releases::run(args),
        Command::Rollback(args) => rollback::run(args),
        Command::Canary(args) => canary::canary(args),
        Command::Promote(args) => canary::promote(args),
        Command::Abort(args) => canary::abort(args),
        Command::Drain(args) => retire::drain(args),
        Command::Prune(args) => retire::prune(args),
        Command::Remove(args) => remove::run(args),
        Command::Queue(command) => queue::run(command),
        Command::Cache(command) => cache::run(command),
        Command::Audit(args) => audit::run(args),
        Command::Config(command) => check::run(command),
        Command::ProvisionSql(args) => provision_sql::run(&args),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}

/// The commands and their options, each `--help` with its examples and the exit codes.
pub(crate) fn definition() -> clap::Command {
    with_exit_codes(with_to(Cli::command()))
}

/// Commands that control workers take `--to` for `--workers`, unless it is something else to them.
fn with_to(command: clap::Command) -> clap::Command {
    let has =
        |command: &clap::Command, id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    let controls = has(&command, "workers") && command.get_arguments().any(is_control);
    let command = match controls && !has(&command, "to") {
        true => command.mut_arg("workers", |arg| arg.visible_alias("to")),
        false => command,
    };
    command.mut_subcommands(with_to)
}

fn is_control(arg: &clap::Arg) -> bool {
    arg.get_env().is_some_and(|name| name == "APPSERVER_CONTROL")
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command
        .after_long_help(format!("{examples}\n\n{}", Exit::table()))
        .mut_subcommands(with_exit_codes)
}
