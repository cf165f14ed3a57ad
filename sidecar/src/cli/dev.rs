//! `appserver dev`: the supervisor beside an editor.

use super::Stop;
use crate::serve::{self, Options};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver dev examples/hello --listen unix:/tmp/hello.sock
  appserver dev ~/src/shop --config appserver.toml

Each save becomes a new release, to which callers go once it is loaded. One that does not load is
shown here, and in the UnknownFunctionException of callers; the last good one runs on. Files listed
in .appserverignore are neither watched nor served. Nothing that was deployed is served, and nothing
of this stays: jobs, too, are gone when it ends, unless a configuration file says state_dir.";

/// Without a configuration file the log is warnings, and what functions print.
const LOG_LEVEL: &str = "warn,appserver::serve::staff=info";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DevArgs {
    /// Folder of the application that is being edited.
    path: PathBuf,
    /// Address to listen at: unix:PATH, tls:HOST[:PORT], tcp:HOST[:PORT]; repeat it for several.
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// Configuration file of the sidecar.
    #[arg(long, value_name = "FILE", env = "APPSERVER_CONFIG")]
    config: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,appserver=debug.
    #[arg(long, value_name = "FILTER", env = "APPSERVER_LOG")]
    log_level: Option<String>,
    /// The executor binary; by default appserver-php beside this one.
    #[arg(long, value_name = "FILE", env = "APPSERVER_PHP_BINARY")]
    php_binary: Option<PathBuf>,
}

impl From<DevArgs> for Options {
    fn from(args: DevArgs) -> Self {
        let level = args.config.is_none().then(|| LOG_LEVEL.to_owned());
        Self {
            apps: vec![args.path],
            watched: true,
            listen: args.listen,
            config: args.config,
            log_level: args.log_level.or(level),
            php_binary: args.php_binary,
            ..Self::default()
        }
    }
}

/// Serves until a signal ends it.
pub(crate) fn run(args: DevArgs) -> Result<(), Stop> {
    Ok(serve::run(&args.into())?)
}
