//! `appserver config get`, `set` and `unset`: settings of an application that PHP reads with
//! `AppServer\config()`, changed without a deploy.

use super::control::{ControlArgs, Fleet, Outcome, print};
use super::{Exit, Stop, text};
use crate::admin::{ChangeSettings, Settings};
use crate::config::settings::is_within;
use protocol::AppName;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GET_EXAMPLES: &str = "\
Examples:
  appserver config get shop
  appserver config get shop feature.checkout --json";

const SET_EXAMPLES: &str = "\
Examples:
  appserver config set shop feature.checkout=0.25
  appserver config set shop banner='Closed on Monday' limits='{\"items\": 20}'

A value is JSON, or else a string. New calls see it at once.";

const UNSET_EXAMPLES: &str = "\
Examples:
  appserver config unset shop feature.checkout";

#[derive(Debug, clap::Args)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct GetArgs {
    /// Application.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Settings to print; by default all that were set.
    #[arg(value_name = "SETTING")]
    keys: Vec<String>,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = SET_EXAMPLES)]
pub(crate) struct SetArgs {
    /// Application.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Settings and their values, JSON or bare strings.
    #[arg(value_name = "SETTING=VALUE", required = true, value_parser = assignment)]
    settings: Vec<(String, Value)>,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = UNSET_EXAMPLES)]
pub(crate) struct UnsetArgs {
    /// Application.
    #[arg(value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Settings that are what the release says again.
    #[arg(value_name = "SETTING", required = true)]
    keys: Vec<String>,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

fn assignment(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write SETTING=VALUE")?;
    if key.is_empty() {
        return Err("a setting has a name".to_owned());
    }
    match serde_json::from_str(value) {
        Ok(Value::Null) => Err("null is no value; config unset takes a setting away".to_owned()),
        Ok(value) => Ok((key.to_owned(), value)),
        Err(_) => Ok((key.to_owned(), Value::String(value.to_owned()))),
    }
}

pub(crate) fn get(args: GetArgs) -> Result<(), Stop> {
    let fleet = args.control.open()?;
    let mut outcomes = read(&fleet, &args.app);
    for settings in outcomes.iter_mut().filter_map(|outcome| outcome.result.as_mut().ok()) {
        let has = |whole: &String| settings.settings.keys().any(|key| is_within(key, whole));
        if let Some(missing) = args.keys.iter().find(|key| !has(key)) {
            let message = format!("there is no setting \"{missing}\"");
            return Err(Stop::new(Exit::NotFound, message));
        }
        let wanted = |key: &String| args.keys.iter().any(|whole| is_within(key, whole));
        settings.settings.retain(|key, _| args.keys.is_empty() || wanted(key));
    }
    print(&outcomes, args.json, describe)
}

pub(crate) fn set(args: SetArgs) -> Result<(), Stop> {
    let fleet = args.control.open()?;
    change(&fleet, &args.app, args.settings.into_iter().collect(), args.json)
}

pub(crate) fn unset(args: UnsetArgs) -> Result<(), Stop> {
    let fleet = args.control.open()?;
    let settings = args.keys.into_iter().map(|key| (key, Value::Null)).collect();
    change(&fleet, &args.app, settings, args.json)
}

fn read(fleet: &Fleet, app: &AppName) -> Vec<Outcome<Settings>> {
    fleet.ask(|client| {
        let path = format!("/v1/apps/{app}/settings");
        async move { client.get::<Settings>(path).await }
    })
}

/// The same generation on all workers, one higher than any has.
fn change(
    fleet: &Fleet,
    app: &AppName,
    settings: BTreeMap<String, Value>,
    as_json: bool,
) -> Result<(), Stop> {
    let known = read(fleet, app);
    if known.iter().any(|outcome| outcome.result.is_err()) {
        // Nothing has changed anywhere, and nothing will.
        print(&known, as_json, |_| "unchanged\n".to_owned())?;
    }
    let generations =
        known.iter().filter_map(|outcome| Some(outcome.result.as_ref().ok()?.generation));
    let generation = generations.max().map(|highest| highest + 1);
    let outcomes = fleet.ask(|client| {
        let path = format!("/v1/apps/{app}/settings");
        let body = json!(ChangeSettings { settings: settings.clone(), generation });
        async move { client.patch::<Settings>(path, body).await }
    });
    print(&outcomes, as_json, describe)
}

fn describe(settings: &Settings) -> String {
    let rows: Vec<Vec<String>> =
        settings.settings.iter().map(|(key, value)| vec![key.clone(), value.to_string()]).collect();
    format!("generation {}\n{}", settings.generation, text::table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_else_a_string() {
        let value = |text: &str| assignment(text).unwrap().1;
        assert_eq!(value("a=0.25"), json!(0.25));
        assert_eq!(value("a={\"b\": [1]}"), json!({"b": [1]}));
        assert_eq!(value("a=two words"), json!("two words"));
        assert_eq!(value("a=x=y"), json!("x=y"));
        assert_eq!(value("a="), json!(""));
        for text in ["a", "=1", "a=null"] {
            assert!(assignment(text).is_err(), "{text}");
        }
    }
}
