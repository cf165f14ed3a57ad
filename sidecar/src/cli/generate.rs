//! Completions and man pages, generated from the commands themselves.

use super::{Exit, Stop, definition};
use clap_complete::Shell;
use std::io;
use std::path::PathBuf;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  appserver completions bash > /etc/bash_completion.d/appserver
  appserver completions zsh > ~/.zfunc/_appserver
  appserver completions fish > ~/.config/fish/completions/appserver.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  appserver man /usr/local/share/man/man1";

#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// Shell to complete in.
    shell: Shell,
}

#[derive(Debug, clap::Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// Folder that the pages are written to; it is made if need be.
    dir: PathBuf,
}

/// Prints a completion script.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Stop> {
    // Into memory first: clap_complete panics when its writer fails, as stdout may.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition(), "appserver", &mut script);
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(())
}

/// Writes a page for `appserver` and one for each command.
pub(crate) fn man(args: &ManArgs) -> Result<(), Stop> {
    let written = std::fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(definition(), &args.dir));
    written.map_err(|error| {
        Stop::new(Exit::Internal, format!("cannot write to {}: {error}", args.dir.display()))
    })
}
