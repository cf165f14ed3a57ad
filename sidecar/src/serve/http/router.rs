//! From a request to its response.

use super::answer::{JSON, refuse, respond, with};
use super::body::{BODY_BYTES_MAX, Fault, Pieces};
use super::caller::Peer;
use super::incoming::Incoming;
use super::metrics;
use super::route::{Asked, ROUTES, Route, STAGE};
use super::server::Api;
use crate::admin::{AdminError, Answer, Code, JobQuestion, Question, Queues, Reply};
use crate::file_body::FileBody;
use crate::serve::commit::Waiting;
use crate::serve::event::Event;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// Most archives on their way in at a time: each may take `control.archive_bytes_max` of the disk.
const UPLOADS_MAX: usize = 4;
/// How long the supervisor may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The same for staging a release, which unpacks it, provisions it and starts PHP.
const STAGE_WITHIN: Duration = Duration::from_secs(900);
/// How long figures wait for what is in the ledger.
const QUEUES_WITHIN: Duration = Duration::from_secs(2);
/// Longest id of a request taken from its sender.
const REQUEST_ID_BYTES_MAX: usize = 64;
const REQUEST_ID: &str = "x-request-id";

static UPLOADS: Semaphore = Semaphore::const_new(UPLOADS_MAX);

pub(super) const OPENAPI: &str = include_str!("openapi.json");
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every path of the API.
pub(super) fn router(api: &Api) -> Router {
    let mut router = Router::new().route(
        "/healthz",
        on(MethodFilter::GET, async || with(StatusCode::OK, "text/plain", "ok\n")),
    );
    for route in ROUTES {
        let api = api.clone();
        let answer = move |request| answer(api.clone(), route, request);
        router = router.route(route.path, on(filter(&route.method), answer));
    }
    for (path, of) in [("/v1/openapi.json", None), ("/metrics", Some(Question::Status))] {
        let api = api.clone();
        let answer = move |request| document(api.clone(), of.clone(), request);
        router = router.route(path, on(MethodFilter::GET, answer));
    }
    router
        .fallback(async || nothing_here(StatusCode::NOT_FOUND, "there is no such path"))
        .method_not_allowed_fallback(async || {
            nothing_here(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method")
        })
        .layer(from_fn(log))
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}

fn nothing_here(status: StatusCode, message: &str) -> Response {
    let message = format!("{message}; see /v1/openapi.json");
    refuse(status, &AdminError::new(Code::BadRequest, message))
}

async fn answer(api: Api, route: &'static Route, request: Request) -> Response {
    match try_answer(&api, route, request).await {
        Ok(response) | Err(response) => response,
    }
}

async fn try_answer(api: &Api, route: &Route, request: Request) -> Result<Response, Response> {
    let by = identify(api, &request).map_err(|error| unknown(&error))?;
    let asked = Asked::default();
    let (asked, incoming) = match route.path == STAGE && route.method == Method::PUT {
        true => read_archive(api, route, asked, request).await?,
        false => (read(api, route, asked, request).await?, None),
    };
    let question = (route.question)(&asked).map_err(|error| respond(Err(error)))?;
    match ask(api, question, by, incoming).await {
        Ok(Answer::Archive(file)) => Ok(send(file).await),
        reply => Ok(respond(reply)),
    }
}

/// The two documents that are no JSON of an answer.
async fn document(api: Api, of: Option<Question>, request: Request) -> Response {
    let by = match identify(&api, &request) {
        Ok(by) => by,
        Err(error) => return unknown(&error),
    };
    let Some(question) = of else {
        return with(StatusCode::OK, JSON, OPENAPI);
    };
    let queues = queues(&api, &by).await;
    match ask(&api, question, by, None).await {
        Ok(Answer::Status(report)) => match metrics::text(*report, queues) {
            Ok(text) => with(StatusCode::OK, OPENMETRICS, text),
            Err(error) => respond(Err(AdminError::new(Code::Unavailable, error.to_string()))),
        },
        reply => respond(reply),
    }
}

/// What a look into the ledger tells; nothing of it when the disk is slow.
async fn queues(api: &Api, by: &str) -> Option<Queues> {
    let asked = ask(api, Question::Jobs(JobQuestion::Queues), by.to_owned(), None);
    match timeout(QUEUES_WITHIN, asked).await {
        Ok(Ok(Answer::Queues(queues))) => Some(queues),
        _ => None,
    }
}

/// Who asks; before anything of the body is read.
fn identify(api: &Api, request: &Request) -> Result<String, AdminError> {
    let peer = request.extensions().get::<Peer>();
    let by = peer.and_then(|peer| peer.identify(request.headers(), &api.guard.tokens));
    by.ok_or_else(|| {
        let message = "a token is needed that this worker knows (control.token_file, not that of \
                       callers): Authorization: Bearer TOKEN";
        AdminError::new(Code::Denied, message)
    })
}

fn unknown(error: &AdminError) -> Response {
    refuse(StatusCode::UNAUTHORIZED, error)
}

/// A request with a small body, or none.
async fn read(
    api: &Api,
    route: &Route,
    mut asked: Asked,
    request: Request,
) -> Result<Asked, Response> {
    let (mut parts, body) = request.into_parts();
    take_parts(&mut asked, route, &mut parts).await?;
    let pieces = Pieces::new(body, length(&parts.headers), BODY_BYTES_MAX, api.stalled_after);
    let whole = async { pieces?.whole().await };
    asked.body = whole.await.map_err(|fault| fault.response())?;
    Ok(asked)
}

/// A request whose body is an archive, which goes to a file.
async fn read_archive(
    api: &Api,
    route: &Route,
    mut asked: Asked,
    request: Request,
) -> Result<(Asked, Option<Incoming>), Response> {
    let (mut parts, body) = request.into_parts();
    take_parts(&mut asked, route, &mut parts).await?;
    // What else is wrong with the request is told before a large body is sent.
    asked.archive = Some(PathBuf::new());
    (route.question)(&asked).map_err(|error| respond(Err(error)))?;
    let _permit = UPLOADS.try_acquire().map_err(|_| {
        let message = format!("{UPLOADS_MAX} other archives are on their way in; try again");
        respond(Err(AdminError::new(Code::Unavailable, message)))
    })?;
    let pieces =
        Pieces::new(body, length(&parts.headers), api.archive_bytes_max, api.stalled_after);
    let received = async { Incoming::receive(&api.incoming, pieces?).await };
    let incoming = received.await.map_err(|fault: Fault| fault.response())?;
    asked.archive = Some(incoming.path().to_owned());
    Ok((asked, Some(incoming)))
}

async fn take_parts(asked: &mut Asked, route: &Route, parts: &mut Parts) -> Result<(), Response> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params =
        params.map_err(|_| nothing_here(StatusCode::BAD_REQUEST, "the path is no UTF-8"))?;
    asked.params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    asked.query = parts.uri.query().unwrap_or_default().to_owned();
    match asked.query.is_empty() || route.takes_query() {
        true => Ok(()),
        false => Err(nothing_here(StatusCode::BAD_REQUEST, "this path takes no query")),
    }
}

/// The supervisor's answer.
async fn ask(api: &Api, question: Question, by: String, archive: Option<Incoming>) -> Reply {
    let gone = || AdminError::new(Code::Unavailable, "the worker is stopping");
    let within = if archive.is_some() { STAGE_WITHIN } else { ANSWER_WITHIN };
    let place = api.events.reserve().await.map_err(|_| gone())?;
    let (reply, answer) = oneshot::channel();
    // From here on the archive is the supervisor's.
    if let Some(archive) = archive {
        archive.hand_on();
    }
    place.send(Event::Admin(Waiting { question, by, since: Instant::now(), reply }));
    match timeout(within, answer).await {
        Ok(answer) => answer.map_err(|_| gone())?,
        Err(_) => Err(AdminError::new(
            Code::Unavailable,
            format!("no answer within {} s; it may still be done", within.as_secs()),
        )),
    }
}

/// A file as the body, piece by piece.
async fn send(file: PathBuf) -> Response {
    let opened = async {
        let file = tokio::fs::File::open(&file).await?;
        let bytes = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, bytes))
    };
    match opened.await {
        Ok((file, bytes)) => {
            let mut response = with(
                StatusCode::OK,
                "application/octet-stream",
                Body::new(FileBody::new(file, bytes)),
            );
            response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
            response
        }
        Err(error) => {
            let message = format!("{} cannot be read: {error}", file.display());
            respond(Err(AdminError::new(Code::Unavailable, message)))
        }
    }
}

/// Gives each request an id, the sender's own if it has one, and logs how it went.
async fn log(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let peer = request.extensions().get::<Peer>().map(ToString::to_string).unwrap_or_default();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let (status, took_ms) = (response.status().as_u16(), began.elapsed().as_millis());
    // Questions that change nothing come every few seconds from whoever watches.
    match method == Method::GET {
        true => tracing::debug!(peer, %method, path, status, took_ms, id, "control request"),
        false => tracing::info!(peer, %method, path, status, took_ms, id, "control request"),
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn request_id(headers: &HeaderMap) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let theirs = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let theirs = theirs.filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX);
    theirs.map_or_else(
        || format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)),
        str::to_owned,
    )
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
