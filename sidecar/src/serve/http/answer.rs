//! Answers as responses: JSON with a status that fits.

use crate::admin::{AdminError, Answer, Code, Reply};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) const JSON: &str = "application/json";

/// A reply that is no file.
pub(super) fn respond(reply: Reply) -> Response {
    match reply {
        Ok(answer) => with(StatusCode::OK, JSON, text(&in_json(&answer))),
        Err(error) => refuse(status_of(error.code), &error),
    }
}

/// An error, with a status that says more than its code does.
pub(super) fn refuse(status: StatusCode, error: &AdminError) -> Response {
    let mut response = with(status, JSON, text(&json!({ "error": error })));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

pub(super) fn with(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::Denied => StatusCode::FORBIDDEN,
        Code::UnknownApp | Code::UnknownRelease | Code::UnknownFunction | Code::UnknownJob => {
            StatusCode::NOT_FOUND
        }
        Code::BadArchive | Code::NotStaged => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Breaking | Code::Conflict => StatusCode::CONFLICT,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// In JSON a number of 64 bits loses its last digits with many readers, so ids of releases are text.
pub(super) fn in_json(answer: &Answer) -> Value {
    let mut value = json!(answer);
    match answer {
        Answer::Status(report) => {
            let apps = value["apps"].as_array_mut().into_iter().flatten();
            for (member, app) in apps.zip(&report.apps) {
                member["release"] = app.release.to_string().into();
            }
        }
        Answer::Catalog(catalog) => value["release"] = catalog.release.to_string().into(),
        _ => {}
    }
    value
}

fn text(value: &impl Serialize) -> String {
    // A value in memory without maps of other keys than strings always can be written.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}
