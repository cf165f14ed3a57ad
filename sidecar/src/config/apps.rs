//! `apps` of `appserver.toml`: which applications the worker serves, and what its administrator says of
//! each. What a release brings along in its `app.toml` cannot change any of this.

use super::application::{Limits, scalars};
use super::executors::ExecutorsGiven;
use super::origin::Origins;
use super::pools::{self, PoolPolicy};
use super::queues::{self, Queues};
use super::{Identity, resources};
use protocol::AppName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Either a list of folders, `apps = ["/srv/shop"]`, or a section for each application, `[apps.shop]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Apps {
    /// Folders without a section; those of the command line, too.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) named: BTreeMap<AppName, Policy>,
    /// Where the file says it, for `config explain`.
    pub(crate) origins: Origins,
    /// Most executors of each pool, whatever files say: `--executors`.
    pub(crate) executors_max: Option<u16>,
}

impl Apps {
    /// Whether any application is named by where its code is.
    pub(crate) fn has_folders(&self) -> bool {
        !self.folders.is_empty() || self.named.values().any(|policy| policy.folder.is_some())
    }

    /// What the administrator says of the application `name`.
    pub(crate) fn policy(&self, name: &AppName) -> Policy {
        self.named.get(name).cloned().unwrap_or_default()
    }
}

/// `[apps.NAME]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Identity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<Identity>,
    /// Octal text, because a number of TOML would be taken for decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) umask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_basedir: Option<OpenBasedir>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) env_pass: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_new_privs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nice: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_timeout_ms: Option<u64>,
    /// Holds against the application's own.
    pub(crate) executors: ExecutorsGiven,
    /// By the name of the pool.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pools: BTreeMap<String, PoolPolicy>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) queues: Queues,
    #[serde(deserialize_with = "scalars", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) ini: BTreeMap<String, String>,
    #[serde(deserialize_with = "scalars", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) limits: Limits,
    pub(crate) cgroup: Cgroup,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) datasource: BTreeMap<String, resources::DatasourceSecret>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resource: BTreeMap<String, resources::ResourceSecret>,
}

impl Policy {
    /// Of the application `name`: the key that is wrong, and why.
    pub(super) fn check(&self, name: &AppName) -> Result<(), (String, String)> {
        let octal =
            |umask: &String| u32::from_str_radix(umask, 8).is_ok_and(|umask| umask <= 0o777);
        if self.umask.as_ref().is_some_and(|umask| !octal(umask)) {
            return Err(("umask".to_owned(), "must be octal, e.g. \"0027\"".to_owned()));
        }
        if self.nice.is_some_and(|nice| nice > 19) {
            return Err(("nice".to_owned(), "must be from 0 to 19".to_owned()));
        }
        if self.cgroup.cpu_weight.is_some_and(|weight| !(1..=10_000).contains(&weight)) {
            return Err(("cgroup.cpu_weight".to_owned(), "must be from 1 to 10000".to_owned()));
        }
        if self.group.is_some() && self.user.is_none() {
            return Err(("group".to_owned(), "needs user as well".to_owned()));
        }
        self.executors.check().map_err(|(key, message)| (format!("executors.{key}"), message))?;
        for (pool, policy) in &self.pools {
            let key = format!("pools.{pool}");
            pools::check_name(pool).map_err(|message| (key.clone(), message))?;
            policy
                .executors
                .check()
                .map_err(|(inner, m)| (format!("{key}.executors.{inner}"), m))?;
        }
        queues::check(&self.queues)?;
        if name.is_any() {
            return Err(("".to_owned(), "an application needs a name".to_owned()));
        }
        Ok(())
    }
}

/// `[apps.NAME.cgroup]`, of all processes of the application together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cgroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_weight: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processes_max: Option<u32>,
}

impl Cgroup {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which files PHP's own functions may open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "true, false or a list of folders")]
pub(crate) enum OpenBasedir {
    /// Those of the release and of its temporary folder, or all.
    Switch(bool),
    /// Those below these folders as well.
    With(Vec<String>),
}

impl Serialize for Apps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.named.is_empty() {
            true => self.folders.serialize(serializer),
            false => self.named.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Apps {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = Apps;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of folders, or a section [apps.NAME] for each application")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Apps, A::Error> {
                let folders = Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))?;
                Ok(Apps { folders, ..Apps::default() })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Apps, A::Error> {
                let named =
                    BTreeMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Apps { named, ..Apps::default() })
            }
        }
        source.deserialize_any(Either)
    }
}
