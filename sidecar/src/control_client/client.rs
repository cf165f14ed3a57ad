//! Requests to one worker: a connection each, over a unix socket or TLS.

use super::{Access, Failure};
use crate::admin::AdminError;
use crate::file_body::FileBody;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use net::{Address, denied};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, rustls};
use tokio_util::task::AbortOnDropHandle;

/// Longest wait for an answer: the worker gives up a little earlier, and says why.
const ANSWER_WITHIN: Duration = Duration::from_secs(75);
/// Longest wait for the answer to a whole archive.
const STAGE_WITHIN: Duration = Duration::from_secs(930);
/// Longest time in which not one more byte of an archive leaves.
const STALLED_AFTER: Duration = Duration::from_secs(45);
/// Largest answer taken, in bytes: a catalog of thousands of functions.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

type Body = Either<Full<Bytes>, FileBody>;

/// A worker's control API; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: Address,
    access: Arc<Access>,
}

/// The body of an answer that is an error.
#[derive(Deserialize)]
struct Refusal {
    error: AdminError,
}

impl Client {
    pub(crate) fn new(address: Address, access: Arc<Access>) -> Self {
        Self { address, access }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// As people write it.
    pub(crate) fn worker(&self) -> String {
        match &self.address {
            Address::Tls { .. } => self.address.to_string().replacen("tls:", "https://", 1),
            address => address.to_string(),
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, Failure> {
        self.ask(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: String,
        body: Value,
    ) -> Result<T, Failure> {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: String) -> Result<T, Failure> {
        self.ask(Method::DELETE, path, Value::Null).await
    }

    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: String,
        body: Value,
    ) -> Result<T, Failure> {
        self.ask(Method::PATCH, path, body).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Value,
    ) -> Result<T, Failure> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let body = Either::Left(Full::new(Bytes::from(text)));
        let request = self.request(method, &path, "application/json", body)?;
        within(ANSWER_WITHIN, self.send(request)).await
    }

    /// Sends a file; what has left is added to `sent`.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: String,
        file: &Path,
        sent: Arc<AtomicU64>,
    ) -> Result<T, Failure> {
        let unread = |error: io::Error| Failure::Lost(format!("{}: {error}", file.display()));
        let file = tokio::fs::File::open(file).await.map_err(unread)?;
        let bytes = file.metadata().await.map_err(unread)?.len();
        let body = Either::Right(FileBody::new(file, bytes).counting(Arc::clone(&sent)));
        let request = self.request(Method::PUT, &path, "application/octet-stream", body)?;
        let mut answer = std::pin::pin!(self.send(request));
        let mut seen = 0;
        // As long as something leaves, it may take its time.
        while seen < bytes {
            match timeout(STALLED_AFTER, answer.as_mut()).await {
                Ok(answer) => return answer,
                Err(_) if sent.load(Ordering::Relaxed) == seen => {
                    return Err(Failure::TimedOut(STALLED_AFTER));
                }
                Err(_) => seen = sent.load(Ordering::Relaxed),
            }
        }
        within(STAGE_WITHIN, answer).await
    }

    /// Writes what is answered to a file, which must not be there yet.
    pub(crate) async fn download(
        &self,
        path: String,
        file: &Path,
        bytes_max: u64,
    ) -> Result<(), Failure> {
        let body = Either::Left(Full::new(Bytes::new()));
        let request = self.request(Method::GET, &path, "application/json", body)?;
        let limit = self.access.connect_timeout;
        match &self.address {
            Address::Unix(socket) => {
                let stream = reach(limit, connect_unix(socket)).await?;
                download(stream, request, file, bytes_max).await
            }
            Address::Tls { host, port } | Address::Tcp { host, port } => {
                let stream = reach(limit, self.connect_tls(host, *port)).await?;
                download(stream, request, file, bytes_max).await
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Body,
    ) -> Result<Request<Body>, Failure> {
        let host = match &self.address {
            Address::Tls { host, port } | Address::Tcp { host, port } => format!("{host}:{port}"),
            Address::Unix(_) => "localhost".to_owned(),
        };
        let mut builder = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, kind);
        if let (Some(token), Address::Tls { .. }) = (&self.access.token, &self.address) {
            builder = builder.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        builder.body(body).map_err(|error| Failure::Protocol(error.to_string()))
    }

    async fn send<T: DeserializeOwned>(&self, request: Request<Body>) -> Result<T, Failure> {
        let limit = self.access.connect_timeout;
        match &self.address {
            Address::Unix(path) => {
                let stream = reach(limit, connect_unix(path)).await?;
                converse(stream, request).await
            }
            Address::Tls { host, port } | Address::Tcp { host, port } => {
                let stream = reach(limit, self.connect_tls(host, *port)).await?;
                converse(stream, request).await
            }
        }
    }

    async fn connect_tls(&self, host: &str, port: u16) -> io::Result<impl Stream> {
        let tls = self.access.tls.as_ref().ok_or_else(|| io::Error::other("no TLS settings"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(tls.config()).connect(name, stream).await
    }
}

async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let connected = UnixStream::connect(path).await;
    connected.map_err(|error| denied::explained(path, error, denied::CONTROL))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// Connects: until then nothing was asked.
async fn reach<S>(
    limit: Duration,
    connecting: impl Future<Output = io::Result<S>>,
) -> Result<S, Failure> {
    match timeout(limit, connecting).await {
        Ok(connected) => connected.map_err(|error| Failure::Unreachable(error.to_string())),
        Err(_) => Err(Failure::Unreachable(format!("not within {} s", limit.as_secs_f64()))),
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(limit, answer).await.map_err(|_| Failure::TimedOut(limit))?
}

/// One request and its answer; whoever stops waiting for it hangs up.
async fn converse<T: DeserializeOwned>(
    stream: impl Stream,
    request: Request<Body>,
) -> Result<T, Failure> {
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(lost)?;
    // Its errors are those of the request.
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    read(&mut sender, request).await
}

/// The same for an answer that is a file.
async fn download(
    stream: impl Stream,
    request: Request<Body>,
    file: &Path,
    bytes_max: u64,
) -> Result<(), Failure> {
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(lost)?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    receive(&mut sender, request, file, bytes_max).await
}

async fn receive(
    sender: &mut http1::SendRequest<Body>,
    request: Request<Body>,
    file: &Path,
    bytes_max: u64,
) -> Result<(), Failure> {
    let unkept = |error: io::Error| Failure::Lost(format!("{}: {error}", file.display()));
    let answered = timeout(STALLED_AFTER, sender.send_request(request)).await;
    let response = answered.map_err(|_| Failure::TimedOut(STALLED_AFTER))?.map_err(lost)?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(refusal(status, &whole(response.into_body()).await?));
    }
    let mut body = response.into_body();
    let mut options = OpenOptions::new();
    let mut target =
        options.write(true).create_new(true).mode(0o600).open(file).await.map_err(unkept)?;
    let mut bytes = 0;
    // As long as something comes, it may take its time.
    while let Some(frame) =
        timeout(STALLED_AFTER, body.frame()).await.map_err(|_| Failure::TimedOut(STALLED_AFTER))?
    {
        let Ok(piece) = frame.map_err(lost)?.into_data() else { continue };
        bytes += piece.len() as u64;
        if bytes > bytes_max {
            return Err(Failure::Protocol(format!("it sent more than {bytes_max} bytes")));
        }
        target.write_all(&piece).await.map_err(unkept)?;
    }
    target.flush().await.map_err(unkept)
}

async fn read<T: DeserializeOwned>(
    sender: &mut http1::SendRequest<Body>,
    request: Request<Body>,
) -> Result<T, Failure> {
    let response = sender.send_request(request).await.map_err(lost)?;
    let status = response.status();
    let body = whole(response.into_body()).await?;
    match status {
        StatusCode::OK => {
            serde_json::from_slice(&body).map_err(|error| Failure::Protocol(error.to_string()))
        }
        status => Err(refusal(status, &body)),
    }
}

async fn whole(body: Incoming) -> Result<Bytes, Failure> {
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    Ok(body.map_err(|error| Failure::Lost(error.to_string()))?.to_bytes())
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => Failure::Refused(refusal.error),
        Err(_) => Failure::Protocol(format!("it answered {status}")),
    }
}

/// With the cause, which hyper keeps apart.
fn lost(error: hyper::Error) -> Failure {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    if error.is_parse() {
        return Failure::Protocol("it does not speak HTTP".to_owned());
    }
    Failure::Lost(format!("{error}{}", cause.unwrap_or_default()))
}
