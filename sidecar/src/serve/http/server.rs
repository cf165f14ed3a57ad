//! Connections of the control API: accepted within limits, ended when the worker stops.

use super::caller::Peer;
use super::guard::Guard;
use super::incoming;
use super::router::router;
use super::stall::Impatient;
use crate::serve::door::pause_after;
use crate::serve::event::Events;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

/// Most connections at a time: of this host, and as many from elsewhere. More wait to be accepted.
const CONNECTIONS_MAX: usize = 64;
/// Time for the TLS handshake, and for the head of a request; a connection may idle that long.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes, and most headers in it.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 64;

/// What the API needs of the worker.
#[derive(Clone)]
pub(in crate::serve) struct Api {
    pub(in crate::serve) events: Events,
    pub(in crate::serve) guard: Arc<Guard>,
    /// Folder that archives arrive in.
    pub(in crate::serve) incoming: PathBuf,
    pub(in crate::serve) archive_bytes_max: u64,
    /// Longest pause while a body comes or an answer goes.
    pub(in crate::serve) stalled_after: Duration,
    /// Cancelled when the worker begins to stop: nobody new comes in.
    pub(in crate::serve) closing: CancellationToken,
    /// Cancelled when it has stopped: requests in flight last until then.
    pub(in crate::serve) closed: CancellationToken,
}

impl Api {
    /// Serves from now on.
    pub(in crate::serve) fn open(
        self,
        unix: Vec<(PathBuf, StdUnixListener)>,
        tls: Vec<(std::net::TcpListener, bool)>,
    ) -> io::Result<()> {
        incoming::clean(&self.incoming);
        let server = Server { router: router(&self), api: self };
        let (local, remote) = (places(), places());
        for (_, listener) in unix {
            let listener = UnixListener::from_std(listener)?;
            tokio::spawn(server.clone().serve_unix(listener, Arc::clone(&local)));
        }
        for (listener, _) in tls {
            let listener = TcpListener::from_std(listener)?;
            tokio::spawn(server.clone().serve_tls(listener, Arc::clone(&remote)));
        }
        Ok(())
    }
}

fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(CONNECTIONS_MAX))
}

#[derive(Clone)]
struct Server {
    api: Api,
    router: Router,
}

impl Server {
    async fn serve_unix(self, listener: UnixListener, places: Arc<Semaphore>) {
        while let Some(place) = self.place(&places).await {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.api.closing.cancelled() => return,
            };
            match accepted.and_then(|(stream, _)| Ok((Peer::of(&stream)?, stream))) {
                Ok((peer, stream)) => {
                    tokio::spawn(self.clone().converse(stream, peer, place));
                }
                Err(error) => pause_after(&error).await,
            }
        }
    }

    async fn serve_tls(self, listener: TcpListener, places: Arc<Semaphore>) {
        while let Some(place) = self.place(&places).await {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.api.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    tokio::spawn(self.clone().shake_hands(stream, Peer::Remote(address), place));
                }
                Err(error) => pause_after(&error).await,
            }
        }
    }

    /// A place for one more connection; `None` when the worker stops.
    async fn place(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            place = Arc::clone(places).acquire_owned() => place.ok(),
            () = self.api.closing.cancelled() => None,
        }
    }

    async fn shake_hands(self, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        // An improvement; a connection that does not take it still works.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = self.api.guard.acceptor() else {
            return;
        };
        match timeout(HEAD_WITHIN, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, peer, place).await,
            Ok(Err(error)) => tracing::warn!(%peer, "control connection refused: TLS: {error}"),
            Err(_) => tracing::warn!(%peer, "control connection refused: no TLS in time"),
        }
    }

    /// Requests of one connection, one after another.
    async fn converse(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: Peer,
        _place: OwnedSemaphorePermit,
    ) {
        let Self { api, router } = self;
        let named = peer.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(named.clone());
            router.clone().call(request)
        });
        let stream = TokioIo::new(Impatient::new(stream, api.stalled_after));
        let mut connection = std::pin::pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .max_buf_size(HEAD_BYTES_MAX)
                .max_headers(HEADERS_MAX)
                .serve_connection(stream, service)
        );
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = api.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    served = connection => served,
                    () = api.closed.cancelled() => return,
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%peer, "control connection ended: {error}");
        }
    }
}
