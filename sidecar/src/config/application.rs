//! `app.toml`: one application. Without the file every default below holds.

use super::executors::Executors;
use super::functions::Functions;
use super::pools::PoolGiven;
use super::provision::Provision;
use super::queues::Queues;
use super::resources::{Datasource, Resource};
use super::schedules::Scheduled;
use super::settings::{self, Settings};
use protocol::{AppName, Isolation};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

pub(crate) use super::application_keys::KEYS;

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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pools: BTreeMap<String, PoolGiven>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) queues: Queues,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) functions: Functions,
    #[serde(deserialize_with = "scalars")]
    pub(crate) ini: BTreeMap<String, String>,
    #[serde(deserialize_with = "scalars")]
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) values: Values,
    pub(crate) limits: Limits,
    #[serde(deserialize_with = "settings::flat", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) settings: Settings,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) datasource: BTreeMap<String, Datasource>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resource: BTreeMap<String, Resource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) provision: Vec<Provision>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) schedule: Vec<Scheduled>,
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
            pools: BTreeMap::new(),
            queues: BTreeMap::new(),
            functions: BTreeMap::new(),
            ini: BTreeMap::new(),
            env: BTreeMap::new(),
            values: Values::default(),
            limits: Limits::default(),
            settings: BTreeMap::new(),
            datasource: BTreeMap::new(),
            resource: BTreeMap::new(),
            provision: Vec::new(),
            schedule: Vec::new(),
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
pub(super) fn scalars<'de, D: Deserializer<'de>>(
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
