//! The table of routes: which request is which question.

use super::jobs;
use crate::admin::{
    Abort, Activate, AdminError, Canary, ChangeAll, ChangeSettings, Code, Invalidate, JobChange,
    JobQuestion, Number, Promote, Prune, Question, QueueMode, Remove, Rollback,
};
use crate::config::queues;
use axum::http::Method;
use protocol::{AppName, InvalidJobId, JobId};
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// Entries of the audit log in an answer, unless the request says how many.
const AUDIT_DEFAULT: usize = 100;
/// Most entries of the audit log in one answer.
const AUDIT_MAX: usize = 10_000;

/// A request and the question that it is.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) question: fn(&Asked) -> Result<Question, AdminError>,
}

/// What a request says beside its method and path.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Path parameters by name.
    pub(super) params: Vec<(String, String)>,
    pub(super) query: String,
    pub(super) body: Vec<u8>,
    /// The body of a request whose body is an archive.
    pub(super) archive: Option<PathBuf>,
}

impl Route {
    pub(super) fn takes_query(&self) -> bool {
        matches!(self.path, AUDIT | JOBS | JOB_EVENTS) && self.method == Method::GET
    }
}

const fn get(path: &'static str, question: fn(&Asked) -> Result<Question, AdminError>) -> Route {
    Route { method: Method::GET, path, question }
}

const fn post(path: &'static str, question: fn(&Asked) -> Result<Question, AdminError>) -> Route {
    Route { method: Method::POST, path, question }
}

const AUDIT: &str = "/v1/audit";
const JOBS: &str = "/v1/jobs";
const JOB_EVENTS: &str = "/v1/jobs/events";
/// Where archives arrive: the one route whose body is no JSON.
pub(super) const STAGE: &str = "/v1/apps/{app}/releases/{number}";

pub(super) const ROUTES: &[Route] = &[
    get("/v1/status", |_| Ok(Question::Status)),
    get("/v1/apps", |_| Ok(Question::Apps)),
    get("/v1/apps/{app}", |asked| Ok(Question::App(asked.app()?))),
    get("/v1/apps/{app}/catalog", |asked| Ok(Question::Catalog(asked.app()?))),
    get("/v1/apps/{app}/explain", |asked| {
        Ok(Question::Explain { app: asked.app()?, function: None })
    }),
    get("/v1/apps/{app}/explain/{function}", |asked| {
        let function = Some(asked.param("function").to_owned());
        Ok(Question::Explain { app: asked.app()?, function })
    }),
    Route {
        method: Method::PUT,
        path: STAGE,
        question: |asked| {
            let archive = asked.archive.clone();
            let archive = archive.ok_or_else(|| bad("the body must be an archive"))?;
            Ok(Question::Stage { app: asked.app()?, number: asked.number()?, archive })
        },
    },
    get("/v1/apps/{app}/releases/{number}/archive", |asked| {
        Ok(Question::Archive { app: asked.app()?, number: asked.number()? })
    }),
    post("/v1/apps/{app}/prepare", |asked| {
        Ok(Question::Prepare { app: asked.app()?, body: asked.json::<Activate>()? })
    }),
    post("/v1/apps/{app}/activate", |asked| {
        Ok(Question::Activate { app: asked.app()?, body: asked.json::<Activate>()? })
    }),
    post("/v1/apps/{app}/rollback", |asked| {
        Ok(Question::Rollback { app: asked.app()?, body: asked.json_or_nothing::<Rollback>()? })
    }),
    post("/v1/apps/{app}/canary", |asked| {
        Ok(Question::Canary { app: asked.app()?, body: canary(asked)? })
    }),
    post("/v1/apps/{app}/promote", |asked| {
        Ok(Question::Promote { app: asked.app()?, body: asked.json_or_nothing::<Promote>()? })
    }),
    post("/v1/apps/{app}/abort", |asked| {
        Ok(Question::Abort { app: asked.app()?, body: asked.json_or_nothing::<Abort>()? })
    }),
    post("/v1/apps/{app}/drain", |asked| {
        Ok(Question::Drain { app: asked.app()?, body: asked.json::<Number>()? })
    }),
    post("/v1/apps/{app}/remove", |asked| {
        Ok(Question::Remove { app: asked.app()?, body: asked.json_or_nothing::<Remove>()? })
    }),
    post("/v1/apps/{app}/prune", |asked| {
        Ok(Question::Prune { app: asked.app()?, body: asked.json::<Prune>()? })
    }),
    get("/v1/apps/{app}/settings", |asked| Ok(Question::Settings(asked.app()?))),
    Route {
        method: Method::PATCH,
        path: "/v1/apps/{app}/settings",
        question: |asked| {
            let body = asked.json::<ChangeSettings>()?;
            Ok(Question::ChangeSettings { app: asked.app()?, body })
        },
    },
    post("/v1/apps/{app}/cache/invalidate", |asked| {
        let body = asked.json_or_nothing::<Invalidate>()?;
        Ok(Question::Invalidate { app: asked.app()?, body })
    }),
    get("/v1/jobs/queues", |_| Ok(Question::Jobs(JobQuestion::Queues))),
    get(JOBS, |asked| Ok(Question::Jobs(jobs::list(&asked.query)?))),
    get(JOB_EVENTS, |asked| Ok(Question::Jobs(jobs::events(&asked.query)?))),
    get("/v1/jobs/{id}", |asked| Ok(Question::Jobs(JobQuestion::Job(asked.job()?)))),
    post("/v1/jobs/{id}/cancel", |asked| asked.change(JobChange::Cancel)),
    post("/v1/jobs/{id}/retry", |asked| asked.change(JobChange::Retry)),
    Route {
        method: Method::DELETE,
        path: "/v1/jobs/{id}",
        question: |asked| asked.change(JobChange::Delete),
    },
    post("/v1/jobs:cancel", |asked| asked.change_all(JobChange::Cancel)),
    post("/v1/jobs:retry", |asked| asked.change_all(JobChange::Retry)),
    post("/v1/jobs:delete", |asked| asked.change_all(JobChange::Delete)),
    post("/v1/apps/{app}/queues/{queue}/pause", |asked| asked.mode(QueueMode::Pause)),
    post("/v1/apps/{app}/queues/{queue}/drain", |asked| asked.mode(QueueMode::Drain)),
    post("/v1/apps/{app}/queues/{queue}/resume", |asked| asked.mode(QueueMode::Resume)),
    get(AUDIT, |asked| Ok(Question::Audit { limit: limit(&asked.query)? })),
];

impl Asked {
    fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(param, _)| param == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn app(&self) -> Result<AppName, AdminError> {
        let app = AppName::new(self.param("app")).map_err(|error| bad(error.to_string()))?;
        if app.is_any() { Err(bad("name the application")) } else { Ok(app) }
    }

    fn number(&self) -> Result<u64, AdminError> {
        let text = self.param("number");
        let number = text.parse().ok().filter(|number| *number > 0);
        number
            .ok_or_else(|| bad(format!("\"{text}\" is no number of a release: they begin with 1")))
    }

    fn job(&self) -> Result<JobId, AdminError> {
        self.param("id").parse().map_err(|error: InvalidJobId| bad(error.to_string()))
    }

    fn change(&self, change: JobChange) -> Result<Question, AdminError> {
        Ok(Question::Jobs(JobQuestion::Change { change, id: self.job()? }))
    }

    fn change_all(&self, change: JobChange) -> Result<Question, AdminError> {
        Ok(Question::Jobs(JobQuestion::ChangeAll { change, body: self.json::<ChangeAll>()? }))
    }

    fn mode(&self, mode: QueueMode) -> Result<Question, AdminError> {
        let queue = self.param("queue").to_owned();
        queues::check_name(&queue).map_err(bad)?;
        Ok(Question::Jobs(JobQuestion::Mode { app: self.app()?, queue, mode }))
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, AdminError> {
        serde_json::from_slice(&self.body).map_err(|error| bad(format!("the body: {error}")))
    }

    /// As [`Self::json`]; no body at all is an empty object.
    fn json_or_nothing<T: DeserializeOwned + Default>(&self) -> Result<T, AdminError> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }
}

fn canary(asked: &Asked) -> Result<Canary, AdminError> {
    let canary = asked.json::<Canary>()?;
    if (0.01..=100.0).contains(&canary.percent) {
        return Ok(canary);
    }
    Err(bad("percent must be from 0.01 to 100; abort ends a canary"))
}

/// Of a query such as `limit=20`.
fn limit(query: &str) -> Result<usize, AdminError> {
    if query.is_empty() {
        return Ok(AUDIT_DEFAULT);
    }
    let limit = query.strip_prefix("limit=").and_then(|limit| limit.parse().ok());
    let limit = limit.filter(|limit| (1..=AUDIT_MAX).contains(limit));
    limit.ok_or_else(|| bad(format!("the query must be limit=N, from 1 to {AUDIT_MAX}")))
}

pub(super) fn bad(message: impl Into<String>) -> AdminError {
    AdminError::new(Code::BadRequest, message)
}
