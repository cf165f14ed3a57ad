//! `appserver config explain`: what holds for an application or one of its functions, and who says so.

use super::client::WorkerArgs;
use super::{Exit, Stop, check, text};
use crate::config::{Configuration, Deployment, Origins, application_keys};
use protocol::{AppName, Function, nearest};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver config explain shop --config /etc/appserver/appserver.toml
  appserver config explain shop quote --app /srv/shop
  appserver config explain shop --app /srv/shop --json | jq '.[] | select(.layer != \"default\")'

The administrator's appserver.toml goes before the application's app.toml, and an attribute of a
function before both. With a function the worker is asked, which knows the attributes.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// Application.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    name: AppName,
    /// One of its functions, as the worker serves it.
    #[arg(value_name = "FUNCTION")]
    function: Option<String>,
    /// Folder of an application; repeat it for several.
    #[arg(long = "app", value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Configuration file of the sidecar.
    #[arg(long, value_name = "FILE", env = "APPSERVER_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

/// Who says what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Layer {
    Default,
    Application,
    Administrator,
    Function,
}

/// A value that holds.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    key: String,
    value: serde_json::Value,
    layer: Layer,
    /// File and line, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

pub(crate) fn run(args: ExplainArgs) -> Result<(), Stop> {
    let configuration = check::load(&args.folders, args.config.as_deref(), None)
        .map_err(|error| Stop::new(Exit::Config, error.to_string()))?;
    let deployment = find(&configuration, &args.name)?;
    let mut rows = rows(deployment, &configuration.daemon.apps.origins)?;
    if let Some(name) = &args.function {
        let catalog = args.workers.open()?.control()?.catalog(args.name.clone())?;
        let (_, function) = catalog.find(name).ok_or_else(|| {
            let near = catalog.near(name).join(" or ");
            let advice = if near.is_empty() { near } else { format!("; did you mean {near}?") };
            Stop::new(Exit::NotFound, format!("{} exports no {name}(){advice}", args.name))
        })?;
        rows = of_function(function, rows);
    }
    let shown = match args.json {
        true => serde_json::to_string_pretty(&rows)
            .map_err(|error| Stop::new(Exit::Internal, error.to_string()))?,
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
            None => "name its folder with --app DIR".to_owned(),
        };
        Stop::new(
            Exit::NotFound,
            format!("the configuration has no application \"{name}\"; {advice}"),
        )
    })
}

/// Every key that holds a value, in the order of the documentation.
fn rows(deployment: &Deployment, administrator: &Origins) -> Result<Vec<Row>, Stop> {
    let internal = |error: serde_json::Error| Stop::new(Exit::Internal, error.to_string());
    let config = serde_json::to_value(&deployment.config).map_err(internal)?;
    let policy = serde_json::to_value(&deployment.policy).map_err(internal)?;
    let name = &deployment.config.name;
    let mut rows = Vec::new();
    for (values, keys) in [(&config, application_keys()), (&policy, vec!["*".to_owned()])] {
        for (key, value) in keys.iter().flat_map(|pattern| matching(values, pattern)) {
            if rows.iter().any(|row: &Row| row.key == key) {
                continue;
            }
            let said = administrator.nearest(&format!("apps.{name}.{key}"), 2);
            let (layer, place) = match (said, deployment.origins.nearest(&key, 0)) {
                (Some(place), _) => (Layer::Administrator, Some(place)),
                (None, Some(place)) => (Layer::Application, Some(place)),
                (None, None) => (Layer::Default, None),
            };
            let place = place.map(ToString::to_string);
            rows.push(Row { key, value: redacted(value), layer, place });
        }
    }
    Ok(rows)
}

/// Keys and values that a name of the table of keys stands for; `*` alone is everything.
fn matching(values: &serde_json::Value, pattern: &str) -> Vec<(String, serde_json::Value)> {
    fn leaves(prefix: &str, value: &serde_json::Value, out: &mut Vec<(String, serde_json::Value)>) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                let dot = if prefix.is_empty() { "" } else { "." };
                leaves(&format!("{prefix}{dot}{key}"), value, out);
            }),
            value => out.push((prefix.to_owned(), value.clone())),
        }
    }
    let mut found = Vec::new();
    leaves("", values, &mut found);
    let head = pattern.split(['*', '[']).next().unwrap_or_default();
    let wanted = |key: &str| match head == pattern {
        true => key == pattern,
        false => key.starts_with(head) || key == head.trim_end_matches('.'),
    };
    found.retain(|(key, _)| wanted(key));
    found
}

/// A DSN may hold a password.
fn redacted(value: serde_json::Value) -> serde_json::Value {
    let Some((before, after)) = value.as_str().and_then(|text| text.split_once("password=")) else {
        return value;
    };
    let rest = after.find(';').map_or("", |end| &after[end..]);
    format!("{before}password=…{rest}").into()
}

/// What holds for a function: what its attributes say, else what holds for its application.
fn of_function(function: &Function, rows: Vec<Row>) -> Vec<Row> {
    let place =
        |attribute: &str| Some(format!("#[{attribute}] at {}:{}", function.file, function.line));
    let named = |short: &str| {
        let full = format!("appserver\\{short}");
        function.attributes.iter().any(|attribute| attribute.name.eq_ignore_ascii_case(&full))
    };
    let mut all = Vec::new();
    let mut say = |key: &str, value: serde_json::Value, attribute: &str| {
        let said = named(attribute);
        let layer = if said { Layer::Function } else { Layer::Default };
        let place = if said { place(attribute) } else { None };
        all.push(Row { key: key.to_owned(), value, layer, place });
    };
    say("pool", function.pool.clone().into(), "Isolation");
    say("affinity", function.affinity.clone().into(), "Affinity");
    say("idempotent", function.idempotent.into(), "Idempotent");
    for row in rows {
        let (value, attribute) = match row.key.as_str() {
            "timeout_ms" => (function.timeout_ms.map(Into::into), "Timeout"),
            "isolation" if named("Isolation") => {
                (serde_json::to_value(function.isolation).ok(), "Isolation")
            }
            _ => (None, ""),
        };
        match value {
            Some(value) => all.push(Row {
                key: row.key,
                value,
                layer: Layer::Function,
                place: place(attribute),
            }),
            None => all.push(row),
        }
    }
    all
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![["KEY", "VALUE", "SAID BY"].map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        let layer = match row.layer {
            Layer::Default => "default",
            Layer::Application => "application",
            Layer::Administrator => "administrator",
            Layer::Function => "function",
        };
        let by = row.place.as_ref().map_or(layer.to_owned(), |place| format!("{layer}, {place}"));
        vec![row.key.clone(), row.value.to_string(), by]
    }));
    text::table(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_dsn_is_not_shown() {
        let shown = redacted("pgsql:host=db;password=hunter2;dbname=x".into());
        assert_eq!(shown, "pgsql:host=db;password=…;dbname=x");
        assert_eq!(redacted("sqlite:/x".into()), "sqlite:/x");
    }

    #[test]
    fn an_attribute_goes_before_what_holds_for_the_application() {
        let attribute =
            protocol::Attribute { name: "AppServer\\Timeout".to_owned(), arguments: vec![] };
        let function = Function {
            timeout_ms: Some(1500),
            attributes: vec![attribute],
            file: "a.php".to_owned(),
            line: 7,
            ..Function::default()
        };
        let row = Row {
            key: "timeout_ms".to_owned(),
            value: 0.into(),
            layer: Layer::Default,
            place: None,
        };
        let rows = of_function(&function, vec![row]);
        let timeout = rows.iter().find(|row| row.key == "timeout_ms").unwrap();
        assert_eq!((timeout.layer, timeout.value.as_u64()), (Layer::Function, Some(1500)));
        assert_eq!(timeout.place.as_deref(), Some("#[Timeout] at a.php:7"));
    }
}
