//! Questions of the control API and their answers.

use super::{
    Activated, AdminError, App, AuditEntry, ChangedAll, JobDetail, JobEvents, JobPage, JobQuestion,
    Queues, Staged,
};
use crate::config::Explained;
use protocol::{AppName, Catalog, StatusReport};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the HTTP side asks of the supervisor. `GET` ones change nothing.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// `GET /v1/status`
    Status,
    /// `GET /v1/apps`
    Apps,
    /// `GET /v1/apps/{app}`
    App(AppName),
    /// `GET /v1/apps/{app}/catalog`: of the current release.
    Catalog(AppName),
    /// `GET /v1/apps/{app}/explain` and `GET /v1/apps/{app}/explain/{function}`: who says what, of the
    /// current release.
    Explain { app: AppName, function: Option<String> },
    /// `PUT /v1/apps/{app}/releases/{number}`; the body is the archive, which is in this file when the
    /// question is asked. The supervisor takes the file, or removes it.
    Stage { app: AppName, number: u64, archive: PathBuf },
    /// `GET /v1/apps/{app}/releases/{number}/archive`
    Archive { app: AppName, number: u64 },
    /// `POST /v1/apps/{app}/prepare`: the first of two phases.
    Prepare { app: AppName, body: Activate },
    /// `POST /v1/apps/{app}/activate`
    Activate { app: AppName, body: Activate },
    /// `POST /v1/apps/{app}/rollback`
    Rollback { app: AppName, body: Rollback },
    /// `POST /v1/apps/{app}/canary`
    Canary { app: AppName, body: Canary },
    /// `POST /v1/apps/{app}/promote`: the canary becomes current.
    Promote { app: AppName, body: Promote },
    /// `POST /v1/apps/{app}/abort`: the canary gets no more requests; a preparation is forgotten.
    Abort { app: AppName, body: Abort },
    /// `POST /v1/apps/{app}/drain`: a release that is not current stops when its calls have ended.
    Drain { app: AppName, body: Number },
    /// `POST /v1/apps/{app}/remove`: the application itself.
    Remove { app: AppName, body: Remove },
    /// `POST /v1/apps/{app}/prune`
    Prune { app: AppName, body: Prune },
    /// `GET /v1/apps/{app}/settings`
    Settings(AppName),
    /// `PATCH /v1/apps/{app}/settings`
    ChangeSettings { app: AppName, body: ChangeSettings },
    /// `POST /v1/apps/{app}/cache/invalidate`: what callers of this host keep of results.
    Invalidate { app: AppName, body: Invalidate },
    /// `GET /v1/audit?limit=100`: the newest last.
    Audit { limit: usize },
    /// Paths below `/v1/jobs` and `/v1/apps/{app}/queues`.
    Jobs(JobQuestion),
}

impl Question {
    /// The application whose state the question is to change, if any.
    pub(crate) fn changes(&self) -> Option<&AppName> {
        match self {
            Self::Stage { app, .. }
            | Self::Prepare { app, .. }
            | Self::Activate { app, .. }
            | Self::Rollback { app, .. }
            | Self::Canary { app, .. }
            | Self::Promote { app, .. }
            | Self::Abort { app, .. }
            | Self::Drain { app, .. }
            | Self::Remove { app, .. }
            | Self::Prune { app, .. }
            | Self::ChangeSettings { app, .. } => Some(app),
            Self::Status
            | Self::Apps
            | Self::App(_)
            | Self::Catalog(_)
            | Self::Explain { .. }
            | Self::Archive { .. }
            | Self::Settings(_)
            | Self::Invalidate { .. }
            | Self::Audit { .. }
            | Self::Jobs(_) => None,
        }
    }
}

/// Answers, in the order of the questions.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Status(Box<StatusReport>),
    Apps(Vec<App>),
    App(App),
    Catalog(Catalog),
    Explained(Vec<Explained>),
    Staged(Staged),
    /// The archive's file, to be sent as it is.
    #[serde(skip)]
    Archive(PathBuf),
    Activated(Activated),
    Pruned(Pruned),
    Settings(Settings),
    Audit(Vec<AuditEntry>),
    Queues(Queues),
    Jobs(JobPage),
    Job(Box<JobDetail>),
    ChangedAll(ChangedAll),
    JobEvents(JobEvents),
    Done {},
}

/// What becomes of a question.
pub(crate) type Reply = Result<Answer, AdminError>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activate {
    pub(crate) number: u64,
    /// Also when callers can break.
    #[serde(default)]
    pub(crate) allow_breaking: bool,
    /// Only if this release is current: two deploys at the same time do not overtake each other.
    #[serde(default)]
    pub(crate) expect_current: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    /// Else to the release before the current one.
    #[serde(default)]
    pub(crate) to: Option<u64>,
    /// Also when callers can break. To the release before the current one it always goes.
    #[serde(default)]
    pub(crate) allow_breaking: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canary {
    pub(crate) release: u64,
    /// From 0.01 to 100.
    pub(crate) percent: f64,
    /// Also when callers can break.
    #[serde(default)]
    pub(crate) allow_breaking: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promote {
    /// Also when callers can break.
    #[serde(default)]
    pub(crate) allow_breaking: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Abort {
    /// Only the preparation of this release, and no canary.
    #[serde(default)]
    pub(crate) prepared: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Number {
    pub(crate) number: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remove {
    /// Also when it takes calls.
    #[serde(default)]
    pub(crate) force: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prune {
    /// Newest releases to keep, beside current, previous and canary.
    pub(crate) keep: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pruned {
    /// Numbers of the releases that were removed.
    pub(crate) removed: Vec<u64>,
    /// Bytes that this freed.
    pub(crate) bytes: u64,
}

/// Settings of an application, one generation of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) generation: u64,
    /// Scalars, lists and objects, as JSON has them.
    pub(crate) settings: BTreeMap<String, Value>,
    /// Those of them that were set beyond, or instead of, what the release says.
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSettings {
    /// New values by key; `null` removes one, and what the release's app.toml says holds again.
    pub(crate) settings: BTreeMap<String, Value>,
    /// The generation that this change is, one higher than any worker has; else the next one here.
    #[serde(default)]
    pub(crate) generation: Option<u64>,
}

/// Neither = the whole application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invalidate {
    /// Results of this function.
    #[serde(default)]
    pub(crate) function: Option<String>,
    /// Results with one of these tags.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}
