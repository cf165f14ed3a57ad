//! `appserver config`, and of it `check`: what would hold, or what is wrong.

use super::{Exit, Stop, explain, settings};
use crate::config::{self, ConfigError, Configuration};
use crate::serve::{self, Options};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  appserver config check --app /srv/shop
  appserver config check --config /etc/appserver/appserver.toml --json

Prints the configuration with every default filled in, and on standard error what is allowed but
seldom meant. Nothing is bound and no PHP is started.";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration as it would hold, or the first mistake with file and line.
    Check(CheckArgs),
    /// Print what holds for an application, each value with who says so.
    Explain(explain::ExplainArgs),
    /// Print settings of an application that were changed since its release.
    Get(settings::GetArgs),
    /// Change settings of an application without a deploy.
    Set(settings::SetArgs),
    /// Take changed settings back: what the release says holds again.
    Unset(settings::UnsetArgs),
}

pub(crate) fn run(command: ConfigCommand) -> Result<(), Stop> {
    match command {
        ConfigCommand::Check(args) => check(args),
        ConfigCommand::Explain(args) => explain::run(args),
        ConfigCommand::Get(args) => settings::get(args),
        ConfigCommand::Set(args) => settings::set(args),
        ConfigCommand::Unset(args) => settings::unset(args),
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Folder of an application; repeat it for several.
    #[arg(long, value_name = "DIR")]
    app: Vec<PathBuf>,
    /// Configuration file of the sidecar.
    #[arg(long, value_name = "FILE", env = "APPSERVER_CONFIG")]
    config: Option<PathBuf>,
    /// The executor binary; by default appserver-php beside this one.
    #[arg(long, value_name = "FILE", env = "APPSERVER_PHP_BINARY")]
    php_binary: Option<PathBuf>,
    /// Print JSON instead of TOML.
    #[arg(long)]
    json: bool,
}

fn check(args: CheckArgs) -> Result<(), Stop> {
    let configuration = load(&args.app, args.config.as_deref(), args.php_binary)
        .and_then(|configuration| {
            serve::verify(&configuration.daemon, args.config.as_deref())?;
            Ok(configuration)
        })
        .map_err(|error| Stop::new(Exit::Config, error.to_string()))?;
    let shown = if args.json {
        serde_json::to_string_pretty(&configuration).map_err(|error| error.to_string())
    } else {
        as_files(&configuration).map_err(|error| error.to_string())
    };
    let shown = shown.map_err(|error| Stop::new(Exit::Internal, error))?;
    writeln!(io::stdout(), "{}", shown.trim_end())?;
    for warning in config::warnings(&configuration) {
        eprintln!("appserver: warning: {warning}");
    }
    Ok(())
}

/// A sidecar's file may be checked without an application, which `serve` would not start.
pub(super) fn load(
    apps: &[PathBuf],
    config: Option<&Path>,
    php_binary: Option<PathBuf>,
) -> Result<Configuration, ConfigError> {
    let mut daemon = config::load_daemon(config)?;
    if !daemon.apps.has_folders() && apps.is_empty() && config.is_some() {
        daemon.php_binary = php_binary.or(daemon.php_binary);
        return Ok(Configuration { daemon, deployments: Vec::new() });
    }
    let (apps, config) = (apps.to_vec(), config.map(Path::to_owned));
    config::load(&Options { apps, config, php_binary, ..Options::default() })
}

/// Each file as one could write it to get the same.
fn as_files(configuration: &Configuration) -> Result<String, toml::ser::Error> {
    let mut out = format!("# appserver.toml\n{}", toml::to_string_pretty(&configuration.daemon)?);
    for deployment in &configuration.deployments {
        let file = deployment.root.join("app.toml");
        let content = toml::to_string_pretty(&deployment.config)?;
        out.push_str(&format!("\n# {}\n{content}", file.display()));
    }
    Ok(out)
}
