//! `app.toml`: one application. Without the file every default below holds.

use super::key::{Key, key};
use super::provision::Provision;
use super::resources::{Datasource, Resource};
use protocol::{AppName, Isolation};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every key of `app.toml`.
pub(crate) const KEYS: &[Key] = &[
    key("name", "", "Name by which callers address the application; else the folder's name."),
    key(
        "entry",
        "[]",
        "Files that define the functions; else every *.php at the top of the folder.",
    ),
    key("bootstrap", "", "File required before the entry files, e.g. \"vendor/autoload.php\"."),
    key(
        "export",
        "[]",
        "Patterns of callable functions, e.g. \"Shop\\\\*\"; else all of the entry files.",
    ),
    key(
        "isolation",
        "\"stateless\"",
        "\"stateless\": each call starts afresh; \"resident\": globals and statics survive.",
    ),
    key(
        "timeout_ms",
        "0",
        "Longest a call may take, in milliseconds, where no #[Timeout] says; 0 = as the caller allows.",
    ),
    key(
        "start_timeout_ms",
        "60000",
        "Time the application has to start, bootstrap and preloading included, and an executor to run the files that each request requires, in milliseconds.",
    ),
    key("executors.min", "", "Executors kept ready in each pool; else one per CPU."),
    key("executors.max", "", "Most executors of a pool; else four per CPU, at least 8."),
    key(
        "executors.max_calls",
        "0",
        "Calls after which an executor is replaced, give or take a tenth; 0 = never.",
    ),
    key(
        "executors.memory_bytes_max",
        "0",
        "Resident memory, in bytes, above which an executor is replaced once idle; 0 = never.",
    ),
    key(
        "executors.idle_timeout_ms",
        "60000",
        "How long executors beyond executors.min may be without work, in milliseconds.",
    ),
    key(
        "executors.grace_ms",
        "500",
        "Time an interrupted call has to end by itself before its executor is killed, in milliseconds.",
    ),
    key(
        "limits.data_bytes_max",
        "",
        "Most private memory of each process, in bytes; PHP's memory_limit counts its own alone.",
    ),
    key("limits.file_bytes_max", "", "Largest file that may be written, in bytes."),
    key("limits.core_bytes_max", "", "Largest core dump, in bytes; 0 = none."),
    key(
        "limits.processes_max",
        "",
        "Most processes of the application's user together; needs a user of its own.",
    ),
    key("limits.cpu_s_max", "", "CPU time, in seconds, after which the kernel ends a process."),
    key("datasource.*.dsn", "", "A database, as PDO names it; AppServer\\resource() connects."),
    key("datasource.*.user", "", "User to connect as."),
    key("datasource.*.persistent", "false", "Whether an executor keeps the connection."),
    key(
        "datasource.*.needs",
        "[]",
        "What the administrator must give: \"password\", \"user\"; else the release does not start.",
    ),
    key("resource.*.needs", "[]", "Keys that the administrator must give."),
    key("resource.*.*", "", "Values that AppServer\\resource() gives as an array."),
    key("provision[].sql", "", "File of SQL statements to run once for a release."),
    key("provision[].into", "", "The SQLite database for it: a datasource, or a path."),
    key("provision[].run", "[]", "Program and arguments to run once for a release."),
    key(
        "provision[].undo",
        "[]",
        "Program and arguments that take the step back, if a later one fails.",
    ),
    key("provision[].timeout_ms", "60000", "How long the step may take, in milliseconds."),
    key("ini.*", "", "PHP settings of this application, e.g. memory_limit = \"256M\"."),
    key("env.*", "", "Environment variables of this application."),
    key(
        "settings.*",
        "",
        "What AppServer\\config() gives, until it is set without a deploy; tables make dotted keys.",
    ),
    key(
        "values.classes",
        "[]",
        "Patterns of further classes that arguments may instantiate, beyond the application's own.",
    ),
];

/// The content of `app.toml`, and after normalisation what holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Application {
    pub(crate) name: AppName,
    pub(crate) entry: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bootstrap: Option<String>,
    pub(crate) export: Vec<String>,
    pub(crate) isolation: Isolation,
    pub(crate) timeout_ms: u32,
    pub(crate) start_timeout_ms: u64,
    pub(crate) executors: Executors,
    #[serde(deserialize_with = "settings")]
    pub(crate) ini: BTreeMap<String, String>,
    #[serde(deserialize_with = "settings")]
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) values: Values,
    pub(crate) limits: Limits,
    #[serde(deserialize_with = "flat", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) settings: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) datasource: BTreeMap<String, Datasource>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resource: BTreeMap<String, Resource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) provision: Vec<Provision>,
}

impl Default for Application {
    fn default() -> Self {
        Self {
            name: AppName::default(),
            entry: Vec::new(),
            bootstrap: None,
            export: Vec::new(),
            isolation: Isolation::default(),
            timeout_ms: 0,
            start_timeout_ms: 60_000,
            executors: Executors::default(),
            ini: BTreeMap::new(),
            env: BTreeMap::new(),
            values: Values::default(),
            limits: Limits::default(),
            settings: BTreeMap::new(),
            datasource: BTreeMap::new(),
            resource: BTreeMap::new(),
            provision: Vec::new(),
        }
    }
}

/// `[executors]`, for each pool of the application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Executors {
    pub(crate) min: u16,
    pub(crate) max: u16,
    pub(crate) max_calls: u64,
    pub(crate) memory_bytes_max: u64,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) grace_ms: u64,
}

impl Default for Executors {
    fn default() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let cpus = u16::try_from(cpus).unwrap_or(u16::MAX / 4).min(u16::MAX / 4);
        Self {
            min: cpus,
            max: (4 * cpus).max(8),
            max_calls: 0,
            memory_bytes_max: 0,
            idle_timeout_ms: 60_000,
            grace_ms: 500,
        }
    }
}

/// `[values]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Values {
    pub(crate) classes: Vec<String>,
}

/// `[limits]`: of each process, by the kernel. Without one, what the worker itself has holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) core_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_s_max: Option<u64>,
}

impl Limits {
    /// By the name of the key.
    pub(super) fn all_mut(&mut self) -> [(&'static str, &mut Option<u64>); 5] {
        [
            ("limits.data_bytes_max", &mut self.data_bytes_max),
            ("limits.file_bytes_max", &mut self.file_bytes_max),
            ("limits.core_bytes_max", &mut self.core_bytes_max),
            ("limits.processes_max", &mut self.processes_max),
            ("limits.cpu_s_max", &mut self.cpu_s_max),
        ]
    }
}

/// PHP's settings and the environment are strings; numbers and truth values may be written as such.
pub(super) fn settings<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a string, a number, true or false")]
    enum Scalar {
        Bool(bool),
        Int(i64),
        Float(f64),
        Text(String),
    }
    let scalars = BTreeMap::<String, Scalar>::deserialize(source)?;
    let text = |scalar| match scalar {
        Scalar::Bool(true) => "1".to_owned(),
        Scalar::Bool(false) => "0".to_owned(),
        Scalar::Int(number) => number.to_string(),
        Scalar::Float(number) => number.to_string(),
        Scalar::Text(text) => text,
    };
    Ok(scalars.into_iter().map(|(name, scalar)| (name, text(scalar))).collect())
}

/// Tables become dotted keys: `[settings.feature] checkout = 0.25` is `feature.checkout`.
fn flat<'de, D: Deserializer<'de>>(source: D) -> Result<BTreeMap<String, Value>, D::Error> {
    let table = BTreeMap::<String, Value>::deserialize(source)?;
    let mut flat = BTreeMap::new();
    for (name, value) in table {
        flatten(name, value, &mut flat);
    }
    Ok(flat)
}

fn flatten(name: String, value: Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => {
            for (inner, value) in table {
                flatten(format!("{name}.{inner}"), value, into);
            }
        }
        value => drop(into.insert(name, value)),
    }
}
