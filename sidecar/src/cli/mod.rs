//! The command line.

mod call;
mod check;
mod client;
mod exit;
mod functions;
mod generate;
mod proxy;
#[cfg(test)]
mod reference;
mod seconds;
mod serve;
mod status;
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
    /// Check configuration without starting anything.
    #[command(subcommand, subcommand_required = true, arg_required_else_help = true)]
    Config(check::ConfigCommand),
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
        Command::Call(args) => call::run(args),
        Command::Status(args) => status::run(args),
        Command::Functions(args) => functions::run(args),
        Command::Proxy(command) => proxy::run(command),
        Command::Top(args) => top::run(args),
        Command::Config(command) => check::run(command),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}

/// The commands and their options, each `--help` with its examples and the exit codes.
pub(crate) fn definition() -> clap::Command {
    with_exit_codes(Cli::command())
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command
        .after_long_help(format!("{examples}\n\n{}", Exit::table()))
        .mut_subcommands(with_exit_codes)
}
