//! `appserver config explain`: what holds for an application or one of its functions, and who says so.

use super::control::{ControlArgs, print};
use super::{Exit, Stop, check, text};
use crate::config::{self, Configuration, Deployment, Explained, Layer};
use protocol::{AppName, nearest};
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver config explain shop
  appserver config explain shop quote
  appserver config explain shop quote --json | jq '.[].result[] | select(.layer != \"default\")'
  appserver config explain shop --app /srv/shop --config /etc/appserver/appserver.toml

The worker is asked, which knows deployed releases, attributes and what appserver config set changed.
With --app or --config what these files say is explained, and nothing else; so it is with
APPSERVER_CONFIG where no worker runs. A value is what the highest layer says: default, application
(app.toml), pool ([pools.NAME]), administrator ([apps.NAME] of appserver.toml), command line, function
(an attribute), call. Settings are what appserver config set says, else the application: what was set
is shown by a running worker alone, and holds after its next start too.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// Application.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    name: AppName,
    /// One of its functions.
    #[arg(value_name = "FUNCTION", conflicts_with_all = ["folders", "config"])]
    function: Option<String>,
    /// Folder of an application that is not running; repeat it for several.
    #[arg(long = "app", value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Configuration file to read instead of asking the worker.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print a JSON array: each worker's answer, or that of the files.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(args: ExplainArgs) -> Result<(), Stop> {
    if args.config.is_some() || !args.folders.is_empty() {
        return of_files(&args);
    }
    let fleet = match args.control.clone().open() {
        Ok(fleet) => fleet,
        Err(stop) => {
            let config = std::env::var_os("APPSERVER_CONFIG").map(PathBuf::from);
            return match (config, &args.function) {
                (config @ Some(_), None) => of_files(&ExplainArgs { config, ..args }),
                _ => Err(stop),
            };
        }
    };
    let path = match &args.function {
        None => format!("/v1/apps/{}/explain", args.name),
        Some(function) => format!("/v1/apps/{}/explain/{}", args.name, in_a_path(function)),
    };
    let outcomes = fleet.ask(|client| {
        let path = path.clone();
        async move { client.get::<Vec<Explained>>(path).await }
    });
    print(&outcomes, args.json, |rows| table(rows))
}

/// A function's name as a segment of a path.
fn in_a_path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let encoded = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn of_files(args: &ExplainArgs) -> Result<(), Stop> {
    let configuration = check::load(&args.folders, args.config.as_deref(), None)
        .map_err(|error| Stop::new(Exit::Config, error.to_string()))?;
    let deployment = find(&configuration, &args.name)?;
    let rows = config::explain(
        deployment,
        &configuration.daemon,
        &configuration.daemon.apps.origins,
        None,
    );
    let shown = match args.json {
        true => serde_json::json!([{ "worker": null, "ok": true, "result": rows }]).to_string(),
        false => table(&rows),
    };
    writeln!(io::stdout(), "{}", shown.trim_end())?;
    Ok(())
}

fn find<'a>(configuration: &'a Configuration, name: &AppName) -> Result<&'a Deployment, Stop> {
    let all = || configuration.deployments.iter();
    all().find(|deployment| deployment.config.name == *name).ok_or_else(|| {
        let near = nearest(name.as_str(), all().map(|d| d.config.name.as_str()));
        let advice = match near.first() {
            Some(near) => format!("did you mean {near}?"),
            None => "name its folder with --app DIR; of one that is deployed, ask the worker, \
                     without --app and --config"
                .to_owned(),
        };
        Stop::new(
            Exit::NotFound,
            format!("the configuration has no application \"{name}\"; {advice}"),
        )
    })
}

fn table(rows: &[Explained]) -> String {
    let may = rows.iter().any(|row| row.caller.is_some());
    let titles = ["KEY", "VALUE", "SAID BY", "A CALL MAY ASK FOR"];
    let mut lines = vec![titles[..3 + usize::from(may)].iter().map(|&t| t.to_owned()).collect()];
    lines.extend(rows.iter().map(|row| {
        let layer = match row.layer {
            Layer::Default => "default",
            Layer::Daemon => "worker",
            Layer::Application => "application",
            Layer::Pool => "pool",
            Layer::Administrator => "administrator",
            Layer::CommandLine => "command line",
            Layer::Set => "config set",
            Layer::Function => "function",
        };
        let by = row.place.as_ref().map_or(layer.to_owned(), |place| format!("{layer}, {place}"));
        let mut line = vec![row.key.clone(), row.value.to_string(), by];
        line.extend(row.caller.clone());
        line
    }));
    text::table(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_s_name_goes_into_a_path_whole() {
        assert_eq!(in_a_path("Cart::add_1"), "Cart::add_1");
        assert_eq!(in_a_path("Shop\\prix é/?"), "Shop%5Cprix%20%C3%A9%2F%3F");
    }
}
