//! `appserver serve`: the command line of the supervisor.

use super::Stop;
use crate::config;
use crate::serve::{self, Options};
use clap::ValueEnum;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver serve --app examples/hello --listen unix:/tmp/hello.sock
  appserver serve --app /srv/shop --app /srv/blog --config /etc/appserver/appserver.toml
  appserver serve --app /srv/shop --config appserver.toml \\
      --listen unix:/run/appserver/appserver.sock --listen tls:10.0.0.7:25887

SIGTERM and SIGINT stop it: calls in flight may finish, a second signal stops it at once.
SIGHUP reads the list of workers again.";

/// What `serve` may be told on the command line; it goes before the configuration file.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Folder of an application; repeat it for several.
    #[arg(long, value_name = "DIR")]
    app: Vec<PathBuf>,
    /// Address to listen at: unix:PATH, tls:HOST[:PORT], tcp:HOST[:PORT]; repeat it for several.
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// Configuration file of the sidecar.
    #[arg(long, value_name = "FILE", env = "APPSERVER_CONFIG")]
    config: Option<PathBuf>,
    /// Most executors of each pool, whatever the applications say.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    executors: Option<u16>,
    /// How log lines are written to stderr.
    #[arg(long, value_name = "FORMAT", value_enum)]
    log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,appserver=debug.
    #[arg(long, value_name = "FILTER", env = "APPSERVER_LOG")]
    log_level: Option<String>,
    /// The executor binary; by default appserver-php beside this one.
    #[arg(long, value_name = "FILE", env = "APPSERVER_PHP_BINARY")]
    php_binary: Option<PathBuf>,
}

/// A line for people, or a JSON object a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl From<ServeArgs> for Options {
    fn from(args: ServeArgs) -> Self {
        Self {
            apps: args.app,
            watched: false,
            listen: args.listen,
            config: args.config,
            executors_max: args.executors,
            log_format: args.log_format.map(|format| match format {
                LogFormat::Text => config::LogFormat::Text,
                LogFormat::Json => config::LogFormat::Json,
            }),
            log_level: args.log_level,
            php_binary: args.php_binary,
        }
    }
}

/// Serves until a signal ends it.
pub(crate) fn run(args: ServeArgs) -> Result<(), Stop> {
    Ok(serve::run(&args.into())?)
}
