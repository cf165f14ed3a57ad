//! What one run found, as it is written to `bench/results`.

use crate::cache::Cache;
use crate::codec::Shape;
use crate::contestant::Name;
use crate::growth::Growth;
use crate::idle::Idle;
use crate::jobs::Jobs;
use crate::machine::{self, Machine};
use crate::options::MeasureArgs;
use crate::statistics::Latency;
use crate::workspace::{Workspace, repository};
use anyhow::{Context, Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// UTC, ISO 8601 basic format.
    pub(crate) taken_at: String,
    pub(crate) commit: String,
    pub(crate) machine: Machine,
    /// Program or extension and what it says about itself.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) rounds: u32,
    pub(crate) quick: bool,
    /// What could not be measured, and why.
    pub(crate) skipped: BTreeMap<String, String>,
    pub(crate) contestants: BTreeMap<Name, Entry>,
    /// What opening and closing a PHP request costs an executor.
    pub(crate) request_context_ns: Option<u64>,
    /// Empty when not measured.
    pub(crate) codec: Vec<Shape>,
    pub(crate) idle: Option<Idle>,
    pub(crate) growth: Option<Growth>,
    #[serde(default)]
    pub(crate) cache: Option<Cache>,
    #[serde(default)]
    pub(crate) jobs: Jobs,
}

/// Figures of a contestant; `None` where it does not compete.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// One call right after the other.
    pub(crate) hot: Option<Latency>,
    /// Calls one millisecond apart.
    pub(crate) apart: Option<Latency>,
    /// Of eight clients together.
    pub(crate) calls_per_second: Option<u64>,
}

impl Report {
    pub(crate) fn begin(args: &MeasureArgs, workspace: &Workspace) -> Self {
        Self {
            taken_at: machine::now_utc(),
            commit: machine::commit(),
            machine: Machine::describe(),
            versions: machine::versions(workspace),
            rounds: args.rounds(),
            quick: args.quick,
            skipped: BTreeMap::new(),
            contestants: BTreeMap::new(),
            request_context_ns: None,
            codec: Vec::new(),
            idle: None,
            growth: None,
            cache: None,
            jobs: Jobs::default(),
        }
    }

    /// Notes that `what` could not be measured.
    pub(crate) fn skip(&mut self, what: &str, why: &Error) {
        eprintln!("skipped {what}: {why:#}");
        self.skipped.insert(what.to_owned(), format!("{why:#}"));
    }

    /// p50 of calls one right after the other, in nanoseconds.
    pub(crate) fn hot_p50(&self, name: Name) -> Option<u64> {
        Some(self.contestants.get(&name)?.hot?.p50_ns)
    }

    /// p50 of calls one millisecond apart, in nanoseconds.
    pub(crate) fn apart_p50(&self, name: Name) -> Option<u64> {
        Some(self.contestants.get(&name)?.apart?.p50_ns)
    }

    pub(crate) fn calls_per_second(&self, name: Name) -> Option<u64> {
        self.contestants.get(&name)?.calls_per_second
    }

    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not a report of this bench", file.display()))
    }

    /// Writes it to `file`, or to a new one in `bench/results`, and returns which.
    pub(crate) fn write(&self, file: Option<&Path>) -> Result<PathBuf> {
        let file = file.map_or_else(|| self.default_file(), Path::to_owned);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(file)
    }

    fn default_file(&self) -> PathBuf {
        let name = format!("{}-{}.json", self.taken_at, self.commit);
        repository().join("bench/results").join(name)
    }
}
