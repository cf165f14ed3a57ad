//! Where remote connections come in: TCP and TLS end here, and whole frames go on over an ordinary
//! adopted connection. A slow or hostile peer costs memory within a limit, never an executor.

use super::anteroom::{Place, Whose};
use super::door::{Door, MADE_ROOM, pause_after};
use super::event::{Event, Verdict};
use super::gate::Gate;
use super::handshake::{read_hello, refusal, refuse, welcome};
use super::relay::Relay;
use super::{control, jobs, tls};
use protocol::RefusedCode;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::timeout;

/// A peer whose host vanished is noticed after this, and a few probes.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// A TCP listener and its rules.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) door: Door,
    pub(super) gate: Arc<Gate>,
    /// Absent for plain text.
    pub(super) tls: Option<tls::Identity>,
}

impl Edge {
    /// Accepts until the worker stops.
    pub(super) async fn serve(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.door.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => self.take_in(stream, address).await,
                Err(error) => pause_after(&error).await,
            }
        }
    }

    async fn take_in(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.door.anteroom.enter(Whose::Host(peer.ip())).await else {
            return;
        };
        // Both are improvements; a connection that does not take them still works.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_keepalive(&stream, true);
        let _ = set_tcp_keepidle(&stream, KEEPALIVE_AFTER);
        let (edge, leaving) = (self.clone(), place.leaving());
        tokio::spawn(async move {
            tokio::select! {
                () = edge.clone().greet(stream, peer.to_string(), place) => {}
                () = leaving.cancelled() => edge.door.reject(peer.to_string(), MADE_ROOM.to_owned()).await,
            }
        });
    }

    async fn greet(self, stream: TcpStream, peer: String, place: Place) {
        let Some(identity) = &self.tls else {
            return self.converse(stream, peer, false, place).await;
        };
        let limit = self.door.settings.hello_timeout;
        let reason = match timeout(limit, identity.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let certified = stream.get_ref().1.peer_certificates().is_some();
                return self.converse(stream, peer, certified, place).await;
            }
            Ok(Err(error)) => format!("TLS: {error}"),
            Err(_) => format!("no TLS within {} ms (limits.hello_timeout_ms)", limit.as_millis()),
        };
        self.door.reject(peer, reason).await;
    }

    /// Hello, verdict, and whatever the connection is for.
    async fn converse(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: String,
        certified: bool,
        place: Place,
    ) {
        let limit = self.door.settings.hello_timeout;
        let hello = match read_hello(&mut stream, limit).await {
            Ok(hello) => hello,
            Err(fault) => return self.door.turn_away(&mut stream, peer, fault).await,
        };
        if !(certified || self.gate.open || self.gate.tokens.accept(hello.token.as_deref())) {
            let reason = match hello.token {
                Some(_) => "its token is not known here",
                None => "it gave no token (appserver.token) and no certificate",
            };
            refuse(&mut stream, &refusal(RefusedCode::Denied, reason), limit).await;
            return self.door.reject(peer, reason.to_owned()).await;
        }
        if !place.keep() {
            return;
        }
        let Ok((inside, executors)) = StdUnixStream::pair() else {
            return self.door.reject(peer, "no descriptor is free for it".to_owned()).await;
        };
        match self.door.ask(hello, peer.clone(), executors.into()).await {
            None => {}
            Some(Verdict::Refuse(refused)) => {
                place.give_up();
                refuse(&mut stream, &refused, limit).await;
            }
            Some(Verdict::Control { welcome: answer }) => {
                let greeted = welcome(&mut stream, &answer, limit).await;
                drop(place);
                if greeted.is_ok() {
                    control::serve(stream, self.door.clone()).await;
                }
            }
            Some(Verdict::Jobs { app, welcome: answer, place: in_jobs }) => {
                let greeted = welcome(&mut stream, &answer, limit).await;
                drop(place);
                if greeted.is_ok() {
                    jobs::serve(stream, app, self.door.clone(), in_jobs).await;
                }
            }
            Some(Verdict::Adopt { id, welcome: answer }) => {
                if welcome(&mut stream, &answer, limit).await.is_err() {
                    let _ = self.door.events.send(Event::Abandoned(id)).await;
                    return;
                }
                let _ = self.door.events.send(Event::Welcomed(id)).await;
                drop(place);
                self.relay(stream, inside, peer).await;
            }
        }
    }

    async fn relay(
        &self,
        remote: impl AsyncRead + AsyncWrite + Unpin,
        inside: StdUnixStream,
        peer: String,
    ) {
        let registered = inside.set_nonblocking(true).and_then(|()| UnixStream::from_std(inside));
        let inside = match registered {
            Ok(inside) => inside,
            Err(error) => return self.door.reject(peer, error.to_string()).await,
        };
        let relay = Relay { remote, inside, door: &self.door };
        if let Err(error) = relay.run().await {
            self.door.reject(peer, error.to_string()).await;
        }
    }
}
