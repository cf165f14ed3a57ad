//! Sending a call: to the first worker in order that takes it.
//!
//! The rule that everything here keeps: a request is sent a second time only if no byte of it had
//! been written, if the worker said that nothing ran, or if the function is idempotent.

use super::app::Version;
use super::call::{Call, Link, State, Stay};
use super::cluster::Cluster;
use super::connection::{Connection, OpenError, connect_deadline, describe};
use super::errand::{Route, is_absent, untaken};
use super::error::{CallError, ErrorKind};
use super::way::Way;
use net::{Ready, is_transient, wait};
use protocol::{FLAG_OUTPUT, HEADER_BYTES, Header, Kind, RefusedCode, ReleaseId};
use std::time::{Duration, Instant};

/// How long after the deadline a worker that has said nothing is asked what became of the call: it
/// takes a few milliseconds to end what can be ended.
pub(super) const ASK_AFTER: Duration = Duration::from_millis(200);
/// How long after the deadline a worker where the call runs may still tell what became of it: its own
/// grace before it kills, and the way back.
pub(super) const LAST_WORD: Duration = Duration::from_secs(1);

/// Why a call did not leave on a connection.
enum Unsent {
    /// Not a byte was written.
    Untouched(String),
    /// Part of the request is out, but not all: it cannot run, nor can the connection be used.
    Partly(String),
    /// The call's own time was over first.
    TooLate,
    /// The worker takes no frame of this size.
    TooLarge { limit: u32 },
}

/// Sends `call`, whose frame is complete but for the header, and marks it in flight or failed.
pub(super) fn dispatch(cluster: &mut Cluster, call: &mut Call, now: Instant) {
    let Some(context) = &call.context else {
        return call.fail(CallError::config("the call was not prepared"));
    };
    if call.order.is_empty() {
        cluster.catch_up(&context.options, now);
        match &context.errand {
            None => cluster.order(&call.affinity, now, &mut call.order),
            Some(errand) => cluster.order_errand(errand, &call.affinity, &mut call.order),
        }
    }
    loop {
        while let Some(&worker) = call.order.get(call.next) {
            match try_worker(cluster, call, worker) {
                Tried::Sent => return,
                Tried::Next => call.next += 1,
                Tried::Stop(error) => return call.fail(error),
            }
        }
        if !leave_trial(call) {
            break;
        }
    }
    if is_absent(cluster, call) {
        return;
    }
    let error = untaken(cluster, call);
    call.fail(if call.resends > 0 { call.lost(&error.message, true) } else { error });
}

/// A call that a release on trial was to get, and that no worker with that release took, is for the
/// current one. Nothing ran, and nothing is pinned.
fn leave_trial(call: &mut Call) -> bool {
    let Some(context) = call.context.as_mut().filter(|context| context.stay == Stay::Canary) else {
        return false;
    };
    context.stay = Stay::Free;
    context.version = Version::default();
    context.by_name = false;
    call.next = 0;
    call.refusal = None;
    call.attempts.clear();
    true
}

/// What trying one worker came to.
enum Tried {
    Sent,
    Next,
    Stop(CallError),
}

fn try_worker(cluster: &mut Cluster, call: &mut Call, worker: usize) -> Tried {
    if lacks_version(cluster, call, worker) {
        return Tried::Next;
    }
    loop {
        let (mut connection, reused) = match connection(cluster, call, worker) {
            Ok(found) => found,
            Err(tried) => return tried,
        };
        match send(call, &mut connection, cluster.epoch) {
            Ok(()) => {
                sent(cluster, call, worker, connection);
                return Tried::Sent;
            }
            Err(Unsent::TooLarge { limit }) => {
                let error = CallError::too_large(&call.function, call.frame.len(), limit);
                put_back(cluster, call, worker, connection);
                return Tried::Stop(error.at(&*cluster.workers[worker].label));
            }
            Err(Unsent::TooLate) => {
                cluster.workers[worker].dropped();
                return Tried::Stop(call.silent());
            }
            // It was closed while it lay idle: others may have been too, so ask for a new one.
            Err(Unsent::Untouched(_)) if reused => cluster.workers[worker].dropped(),
            Err(Unsent::Untouched(reason)) => {
                cluster.workers[worker].dropped();
                return unreachable(cluster, call, worker, &reason);
            }
            Err(Unsent::Partly(reason)) => {
                cluster.workers[worker].dropped();
                let error = call.lost(&reason, false);
                return Tried::Stop(error.at(&*cluster.workers[worker].label));
            }
        }
    }
}

fn put_back(cluster: &mut Cluster, call: &Call, worker: usize, connection: Connection) {
    if let Some(context) = &call.context {
        cluster.workers[worker].put_idle(context.app, connection);
    }
}

/// Whether the worker has said that it does not have what the call is pinned to.
fn lacks_version(cluster: &Cluster, call: &mut Call, worker: usize) -> bool {
    let Some(context) = &call.context else {
        return false;
    };
    let version = context.version;
    let lacks = cluster.apps[context.app].is_lacking(worker, version);
    if lacks {
        let error = CallError::release_gone(version.release);
        call.refusal.get_or_insert(error.at(&*cluster.workers[worker].label));
    }
    lacks
}

/// An idle connection, or a new one; and whether it was used before.
fn connection(
    cluster: &mut Cluster,
    call: &mut Call,
    worker: usize,
) -> Result<(Connection, bool), Tried> {
    let Some(context) = &call.context else {
        return Err(Tried::Next);
    };
    let way = Way::of(context, &cluster.apps[context.app]);
    let (now, pool) = (Instant::now(), context.pool());
    let idle = cluster.workers[worker].take_idle(context.app, pool, way, now);
    if let Some(connection) = idle {
        return at_its_place(cluster, call, worker, connection, true);
    }
    if !cluster.workers[worker].make_room(context.options.connections_max) {
        let message = format!(
            "all {} connections to this worker are in use (appserver.connections_max); await some \
             calls first",
            context.options.connections_max
        );
        let error = CallError::new(ErrorKind::Unavailable, message);
        return Err(Tried::Stop(error.at(&*cluster.workers[worker].label)));
    }
    match open(cluster, call, worker, way.release()) {
        Ok(connection) => at_its_place(cluster, call, worker, connection, false),
        Err(OpenError::Unreachable(reason)) => Err(unreachable(cluster, call, worker, &reason)),
        Err(OpenError::Refused(refused)) => {
            if refused.code == RefusedCode::ReleaseGone {
                cluster.apps[context.app].lacks(worker, context.version);
                if lacks_version(cluster, call, worker) {
                    return Err(Tried::Next);
                }
            }
            let error = CallError::refused(refused).at(&*cluster.workers[worker].label);
            call.refusal.get_or_insert(error);
            Err(Tried::Next)
        }
        Err(OpenError::Foreign(error)) => {
            let error = error.at(&*cluster.workers[worker].label);
            if let Some(options) = call.options() {
                cluster.failed(worker, options, "");
            }
            call.refusal.get_or_insert(error);
            Err(Tried::Next)
        }
        Err(OpenError::Fatal(error)) => Err(Tried::Stop(error.at(&*cluster.workers[worker].label))),
    }
}

fn open(
    cluster: &mut Cluster,
    call: &Call,
    worker: usize,
    release: ReleaseId,
) -> Result<Connection, OpenError> {
    let Some(context) = &call.context else {
        return Err(OpenError::Unreachable("the call was not prepared".to_owned()));
    };
    let app = &cluster.apps[context.app];
    let purpose = context.purpose(&app.name, release);
    let hash = app.views.hash_near(release);
    let deadline = connect_deadline(&context.options, call.deadline);
    let address = &cluster.workers[worker].address;
    let opened = Connection::open(address, &cluster.fleet, purpose, hash, deadline);
    let (connection, welcome) = opened?;
    cluster.workers[worker].open += 1;
    if context.errand.is_some() {
        cluster.workers[worker].ledger = welcome.ledger;
    }
    cluster.welcomed(worker, Some(context.app), welcome);
    Ok(connection)
}

/// The connection, unless the worker's welcome tells that the errand is not for it.
fn at_its_place(
    cluster: &mut Cluster,
    call: &mut Call,
    worker: usize,
    connection: Connection,
    reused: bool,
) -> Result<(Connection, bool), Tried> {
    if is_elsewhere(cluster, call, worker) {
        put_back(cluster, call, worker, connection);
        return Err(Tried::Next);
    }
    Ok((connection, reused))
}

fn is_elsewhere(cluster: &Cluster, call: &mut Call, worker: usize) -> bool {
    let Some(route) = call.errand().map(|errand| errand.route) else {
        return false;
    };
    let worker = &cluster.workers[worker];
    let elsewhere = match (worker.ledger, route) {
        // One that keeps no jobs refuses the connection.
        (None, _) => {
            let error = CallError::protocol("a welcome for jobs without a ledger");
            call.refusal.get_or_insert(error.at(&*worker.label));
            true
        }
        (Some(tag), Route::Ledger(wanted)) => tag != wanted,
        (Some(_), Route::Any | Route::Key) => false,
    };
    // Its welcome says so as well as an answer would.
    call.is_denied |= elsewhere && worker.ledger.is_some();
    elsewhere
}

fn unreachable(cluster: &mut Cluster, call: &mut Call, worker: usize, reason: &str) -> Tried {
    if let Some(options) = call.options() {
        let attempt = cluster.failed(worker, options, reason);
        call.attempts.push(attempt);
    }
    Tried::Next
}

fn sent(cluster: &mut Cluster, call: &mut Call, worker: usize, connection: Connection) {
    let now = Instant::now();
    cluster.workers[worker].calls += 1;
    call.worker = Some(cluster.workers[worker].label.clone());
    call.patience = patience(cluster, call, now);
    call.inbound.clear();
    call.link = Some(Link { worker, connection, sent_at: now, spinning: false });
    call.state = State::InFlight;
}

/// Sends the call once more on the connection that it is on, whose answer said that nothing ran.
/// False when that cannot be; then it is on none.
pub(super) fn send_again(cluster: &mut Cluster, call: &mut Call) -> bool {
    let Some(mut link) = call.link.take() else {
        return false;
    };
    if send(call, &mut link.connection, cluster.epoch).is_err() {
        cluster.workers[link.worker].dropped();
        return false;
    }
    call.inbound.clear();
    link.sent_at = Instant::now();
    call.patience = patience(cluster, call, link.sent_at);
    call.link = Some(link);
    true
}

/// When to give this worker up. An idempotent call that could still go elsewhere waits for half of
/// what is left only: a frozen worker must not eat the whole of it.
pub(super) fn patience(cluster: &Cluster, call: &Call, now: Instant) -> Option<Instant> {
    let deadline = call.deadline?;
    let retries = call.options().map_or(0, |options| options.retries);
    let others = cluster.workers.iter().filter(|worker| worker.is_listed()).count() > 1;
    let could_go_elsewhere = call.errand().is_none() && call.is_idempotent() && others;
    if could_go_elsewhere && call.resends < retries {
        return Some(now + deadline.saturating_duration_since(now) / 2);
    }
    Some(deadline + ASK_AFTER)
}

fn send(call: &mut Call, connection: &mut Connection, epoch: u32) -> Result<(), Unsent> {
    let budget_ms = match call.deadline.map(|at| at.saturating_duration_since(Instant::now())) {
        None => 0,
        Some(Duration::ZERO) => return Err(Unsent::TooLate),
        Some(left) => u32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u32::MAX),
    };
    let context = call.context.as_ref();
    let kind = if call.errand().is_some() { Kind::JobRequest } else { Kind::Call };
    let mut header = Header::new(kind, call.request_id);
    header.length = u32::try_from(call.frame.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    if header.length > connection.limits.frame_bytes_max {
        return Err(Unsent::TooLarge { limit: connection.limits.frame_bytes_max });
    }
    header.flags = if context.is_some_and(|c| c.options.output) { FLAG_OUTPUT } else { 0 };
    let version = context.map_or(Version::default(), |context| context.version);
    header.release_id = version.release.0;
    header.settings = version.settings;
    header.budget_ms = budget_ms;
    header.epoch = epoch;
    call.frame[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    call.sent = 0;
    while call.sent < call.frame.len() {
        match connection.socket.send(&call.frame[call.sent..]) {
            Ok(count) => call.sent += count,
            Err(error) if is_transient(&error) => await_room(call, connection)?,
            Err(error) => return Err(unsent(call, describe(&error))),
        }
    }
    loop {
        match connection.socket.flush() {
            Ok(true) => return Ok(()),
            Ok(false) => await_room(call, connection)?,
            Err(error) => return Err(unsent(call, describe(&error))),
        }
    }
}

/// Waits until more of the request fits into the socket.
fn await_room(call: &Call, connection: &Connection) -> Result<(), Unsent> {
    match wait(connection.socket.waiting(true), call.deadline) {
        Ready::Yes | Ready::Interrupted => Ok(()),
        Ready::TimedOut => Err(Unsent::TooLate),
    }
}

fn unsent(call: &Call, reason: String) -> Unsent {
    if call.sent == 0 { Unsent::Untouched(reason) } else { Unsent::Partly(reason) }
}
