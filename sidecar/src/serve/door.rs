//! Where connections come in over unix sockets: peer credentials, Hello, verdict.

use super::anteroom::{Anteroom, Place, Whose};
use super::control;
use super::event::{Event, Events, Greeting, Verdict};
use super::handshake::{NoHello, read_hello, refusal, refuse, welcome};
use super::jobs::{self, Jobs};
use super::peers::Peers;
use super::settings::Settings;
use protocol::{AppName, Hello, RefusedCode};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

/// Pause after a failure to accept, which is nearly always a lack of descriptors: without it the
/// loop would spin until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a connection was closed that had said nothing yet.
pub(super) const MADE_ROOM: &str = "another took its place before it said Hello \
    (limits.handshakes_max)";

/// What every way in shares.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) settings: Arc<Settings>,
    /// Who may come in by a unix socket.
    pub(super) peers: Arc<Peers>,
    pub(super) events: Events,
    /// Where connections stand that have not yet said Hello.
    pub(super) anteroom: Anteroom,
    /// Cancelled when the worker begins to stop: nobody new comes in.
    pub(super) closing: CancellationToken,
    /// Cancelled when it has stopped: control connections last until then.
    pub(super) closed: CancellationToken,
    /// One permit for each control connection.
    pub(super) controls: Arc<Semaphore>,
    pub(super) jobs: Jobs,
    /// What remote callers' frames may take together, in pieces.
    pub(super) remote_memory: Arc<Semaphore>,
    /// What requests about jobs, and answers to them, may take together, in pieces.
    pub(super) job_memory: Arc<Semaphore>,
    /// Epoch of the list of workers, for answers that the edge passes on.
    pub(super) epoch: Arc<AtomicU32>,
}

/// What goes on with a connection that is not for executors.
enum Session {
    Control(UnixStream),
    Jobs(UnixStream, AppName, OwnedSemaphorePermit),
}

impl Door {
    /// Accepts until the worker stops.
    pub(super) async fn serve_unix(self, listener: UnixListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => self.take_in(stream).await,
                Err(error) => pause_after(&error).await,
            }
        }
    }

    async fn take_in(&self, stream: UnixStream) {
        let uid = stream.peer_cred().map(|peer| peer.uid()).ok();
        let Some(place) = self.anteroom.enter(uid.map_or(Whose::Unknown, Whose::User)).await else {
            return;
        };
        let door = self.clone();
        tokio::spawn(async move {
            let leaving = place.leaving();
            let session = tokio::select! {
                session = door.greet_unix(stream, &place) => session,
                () = leaving.cancelled() => {
                    let peer = uid.map_or("unknown".to_owned(), |uid| format!("uid {uid}"));
                    door.reject(peer, MADE_ROOM.to_owned()).await;
                    None
                }
            };
            drop(place);
            match session {
                Some(Session::Control(stream)) => control::serve(stream, door).await,
                Some(Session::Jobs(stream, app, place)) => {
                    jobs::serve_here(stream, app, door, place);
                }
                None => {}
            }
        });
    }

    /// Gives the stream back if it is not for executors.
    async fn greet_unix(&self, mut stream: UnixStream, place: &Place) -> Option<Session> {
        let limit = self.settings.hello_timeout;
        let peer = match self.peers.admit(&stream) {
            Ok(peer) => peer,
            Err(stranger) => {
                refuse(&mut stream, &refusal(RefusedCode::Denied, &stranger.reason), limit).await;
                self.reject(stranger.peer, stranger.reason).await;
                return None;
            }
        };
        let hello = match read_hello(&mut stream, limit).await {
            Ok(hello) => hello,
            Err(fault) => {
                self.turn_away(&mut stream, peer, fault).await;
                return None;
            }
        };
        if !place.keep() {
            return None;
        }
        let descriptor = stream.as_fd().try_clone_to_owned().ok()?;
        match self.ask(hello, peer, descriptor).await? {
            Verdict::Refuse(refused) => {
                place.give_up();
                refuse(&mut stream, &refused, limit).await;
            }
            Verdict::Control { welcome: answer } => {
                let greeted = welcome(&mut stream, &answer, limit).await;
                return greeted.is_ok().then_some(Session::Control(stream));
            }
            Verdict::Jobs { app, welcome: answer, place } => {
                let greeted = welcome(&mut stream, &answer, limit).await;
                return greeted.is_ok().then_some(Session::Jobs(stream, app, place));
            }
            Verdict::Adopt { id, welcome: answer } => {
                let event = match welcome(&mut stream, &answer, limit).await {
                    Ok(()) => Event::Welcomed(id),
                    Err(_) => Event::Abandoned(id),
                };
                // Out of this process's own epoll before the executors' may name it.
                drop(stream);
                let _ = self.events.send(event).await;
            }
        }
        None
    }

    /// The supervisor's verdict; `None` when it is gone.
    pub(super) async fn ask(
        &self,
        hello: Hello,
        peer: String,
        stream: std::os::fd::OwnedFd,
    ) -> Option<Verdict> {
        let (verdict, answer) = oneshot::channel();
        let greeting = Greeting { hello, peer, stream, verdict };
        self.events.send(Event::Hello(greeting)).await.ok()?;
        answer.await.ok()
    }

    /// Tells a peer that spoke out of turn, as far as it can be told, and the log.
    pub(super) async fn turn_away(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        peer: String,
        fault: NoHello,
    ) {
        if !matches!(fault, NoHello::HungUp) {
            let refused = refusal(RefusedCode::Protocol, fault.to_string());
            refuse(stream, &refused, self.settings.hello_timeout).await;
        }
        self.reject(peer, fault.to_string()).await;
    }

    pub(super) async fn reject(&self, peer: String, reason: String) {
        let _ = self.events.send(Event::Rejected { peer, reason }).await;
    }
}

/// Says why nobody can be let in, and waits a little.
pub(super) async fn pause_after(error: &std::io::Error) {
    tracing::error!(%error, "cannot accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
