//! What holds for an application or one of its functions, and who says so: `appserver config explain`.

mod cache;
#[cfg(test)]
mod tests;
mod values;

use super::settings::Settings;
use super::{Application, Daemon, Deployment, Origins, Policy, Pool, application};
use protocol::{Function, Isolation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use values::{as_json, matching, redacted};

/// Keys of the worker that every call meets.
const OF_THE_WORKER: [&str; 6] = [
    "drain_timeout_ms",
    "limits.frame_bytes_max",
    "limits.value_depth_max",
    "limits.frame_timeout_ms",
    "limits.unread_timeout_ms",
    "releases.drain_timeout_ms",
];

/// Who says what, from the last word to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Layer {
    /// Nobody.
    Default,
    /// The worker's own part of `appserver.toml`.
    Daemon,
    /// `app.toml`.
    Application,
    /// `[pools.NAME]` in it.
    Pool,
    /// `[apps.NAME]` of `appserver.toml`.
    Administrator,
    /// `--executors` of the worker.
    CommandLine,
    /// `appserver config set`.
    Set,
    /// An attribute of the function.
    Function,
}

/// A value that holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Explained {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) layer: Layer,
    /// File and line, or the attribute, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<String>,
    /// What a call may still change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caller: Option<String>,
}

/// Every key that holds a value: of a function, where one is named, else of its application. `of_queues`
/// says where the limits of queues that hold now come from.
pub(crate) fn explain(
    deployment: &Deployment,
    daemon: &Daemon,
    of_queues: &Origins,
    function: Option<&Function>,
) -> Vec<Explained> {
    let sources = Sources { deployment, administrator: &daemon.apps.origins, of_queues };
    let of_application = sources.of_application();
    let Some(function) = function else {
        return of_application;
    };
    let mut all = sources.of_function(function);
    let said = |rows: &[Explained], key: &str| rows.iter().any(|row| row.key == key);
    let more = of_application.into_iter().filter(|row| {
        let of_others = ["pools.", "executors.", "functions."];
        !of_others.iter().any(|prefix| row.key.starts_with(prefix)) && !said(&all, &row.key)
    });
    let more: Vec<Explained> = more.collect();
    all.extend(more);
    all.extend(sources.of_worker(daemon));
    all
}

/// Puts in what was set without a deploy, which goes before what the release says.
pub(crate) fn put_set(rows: &mut Vec<Explained>, set: &Settings) {
    for (key, value) in set {
        let key = format!("settings.{key}");
        let (value, layer) = (redacted(value.clone()), Layer::Set);
        let row = Explained { key, value, layer, place: None, caller: None };
        match rows.iter_mut().find(|other| other.key == row.key) {
            Some(other) => *other = row,
            None => rows.insert(behind_settings(rows), row),
        }
    }
}

/// Behind the last setting; without one, where the documentation has them.
fn behind_settings(rows: &[Explained]) -> usize {
    let last = rows.iter().rposition(|row| row.key.starts_with("settings."));
    let next = rows.iter().position(|row| row.key == "values.classes");
    last.map(|last| last + 1).or(next).unwrap_or(rows.len())
}

struct Sources<'a> {
    deployment: &'a Deployment,
    /// Where the `appserver.toml` says it.
    administrator: &'a Origins,
    /// The same for limits of queues, which are taken over while the worker runs.
    of_queues: &'a Origins,
}

impl Sources<'_> {
    /// What `app.toml` and `[apps.NAME]` say, in the order of the documentation.
    fn of_application(&self) -> Vec<Explained> {
        let Deployment { config, policy, .. } = self.deployment;
        let mut rows: Vec<Explained> = Vec::new();
        let patterns = application::KEYS.iter().map(|key| key.name);
        let found = patterns.flat_map(|pattern| matching(&as_json::<Application>(config), pattern));
        for (key, value) in found.chain(matching(&as_json::<Policy>(policy), "*")) {
            if !rows.iter().any(|row| row.key == key) {
                let (layer, place) = self.who_says(&key);
                rows.push(Explained { key, value: redacted(value), layer, place, caller: None });
            }
        }
        rows
    }

    /// What its attributes say, and its pool.
    fn of_function(&self, function: &Function) -> Vec<Explained> {
        let attribute = |short: &str| {
            let full = format!("appserver\\{short}");
            let is_it = |name: &str| name.eq_ignore_ascii_case(&full);
            let there = function.attributes.iter().any(|attribute| is_it(&attribute.name));
            there.then(|| format!("#[{short}] at {}:{}", function.file, function.line))
        };
        let row = |key: &str, value: Value, place: Option<String>, caller: Option<&str>| {
            let layer = if place.is_some() { Layer::Function } else { Layer::Default };
            let caller = caller.map(str::to_owned);
            Explained { key: key.to_owned(), value, layer, place, caller }
        };
        let affinity = "another key, by withAffinity()";
        let mut rows = vec![
            row("pool", json!(function.pool), attribute("Pool").or(attribute("Isolation")), None),
            self.isolation(function, attribute("Isolation")),
            row("affinity", json!(function.affinity), attribute("Affinity"), Some(affinity)),
            row("idempotent", json!(function.idempotent), attribute("Idempotent"), None),
        ];
        let pool = self.deployment.pools.iter().find(|pool| pool.name == function.pool);
        rows.extend(cache::rows(self, function, attribute("Cacheable").as_ref()));
        rows.insert(1, self.timeout(function, pool, attribute("Timeout")));
        rows.extend(pool.map(|pool| self.executors(pool)).into_iter().flatten());
        rows
    }

    fn timeout(
        &self,
        function: &Function,
        pool: Option<&Pool>,
        attribute: Option<String>,
    ) -> Explained {
        let caller = "a shorter one, by withTimeout() or appserver.timeout";
        let (value, (layer, place)) = match (function.timeout_ms, pool) {
            (Some(timeout_ms), _) => (timeout_ms, (Layer::Function, attribute)),
            (None, Some(pool)) => (pool.timeout_ms, self.who_says_of(pool, "timeout_ms")),
            (None, None) => (0, (Layer::Default, None)),
        };
        let key = "timeout_ms".to_owned();
        Explained { key, value: value.into(), layer, place, caller: Some(caller.to_owned()) }
    }

    fn isolation(&self, function: &Function, attribute: Option<String>) -> Explained {
        let of_pool = format!("pools.{}.isolation", function.pool);
        let (layer, place) = match (attribute, self.deployment.origins.nearest(&of_pool, 2)) {
            (Some(attribute), _) => (Layer::Function, Some(attribute)),
            (None, Some(origin)) => (Layer::Pool, Some(origin.to_string())),
            (None, None) => self.who_says("isolation"),
        };
        let value = match function.isolation {
            Isolation::Stateless => "stateless",
            Isolation::Resident => "resident",
        };
        let key = "isolation".to_owned();
        Explained { key, value: value.into(), layer, place, caller: None }
    }

    /// Of a pool: each value, with who says it.
    fn executors(&self, pool: &Pool) -> Vec<Explained> {
        let values = as_json(&json!({ "executors": pool.executors }));
        let rows = matching(&values, "*").into_iter().map(|(key, value)| {
            let (layer, place) = match key.as_str() {
                // Each moves the other one along.
                "executors.min" | "executors.max" if pool.executors.min == pool.executors.max => {
                    let both =
                        ["executors.min", "executors.max"].map(|key| self.who_says_of(pool, key));
                    let [min, max] = both;
                    if max.0 >= min.0 { max } else { min }
                }
                key => self.who_says_of(pool, key),
            };
            Explained { key, value, layer, place, caller: None }
        });
        rows.collect()
    }

    fn of_worker(&self, daemon: &Daemon) -> Vec<Explained> {
        let values = as_json(daemon);
        let found = OF_THE_WORKER.iter().flat_map(|key| matching(&values, key));
        let rows = found.map(|(key, value)| {
            let place = self.administrator.nearest(&key, 1).map(ToString::to_string);
            let layer = if place.is_some() { Layer::Daemon } else { Layer::Default };
            Explained { key: format!("worker: {key}"), value, layer, place, caller: None }
        });
        rows.collect()
    }

    fn who_says(&self, key: &str) -> (Layer, Option<String>) {
        let name = &self.deployment.config.name;
        let file = if key.starts_with("queues.") { self.of_queues } else { self.administrator };
        let administrator = file.nearest(&format!("apps.{name}.{key}"), 2);
        let application = self.deployment.origins.nearest(key, 0);
        let bounds = matches!(key, "executors.max") && self.deployment.executors_max.is_some();
        match (administrator, application) {
            _ if bounds => (Layer::CommandLine, Some("--executors".to_owned())),
            (Some(place), _) => (Layer::Administrator, Some(place.to_string())),
            (None, Some(place)) => (Layer::Application, Some(place.to_string())),
            (None, None) => (Layer::Default, None),
        }
    }

    /// Of a value that pools can have of their own.
    fn who_says_of(&self, pool: &Pool, key: &str) -> (Layer, Option<String>) {
        let (name, inside) = (&self.deployment.config.name, format!("pools.{}.{key}", pool.name));
        let administrator = self.administrator.nearest(&format!("apps.{name}.{inside}"), 4);
        let application = self.deployment.origins.nearest(&inside, 2);
        match (self.who_says(key), administrator, application) {
            (said @ (Layer::CommandLine, _), ..) => said,
            (_, Some(place), _) => (Layer::Administrator, Some(place.to_string())),
            (said @ (Layer::Administrator, _), ..) => said,
            (_, _, Some(place)) => (Layer::Pool, Some(place.to_string())),
            (said, ..) => said,
        }
    }
}
