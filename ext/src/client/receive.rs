//! Receiving an answer, and deciding what an answer, a silence, or a broken connection means.

use super::call::{Call, Link, State};
use super::cluster::Cluster;
use super::connection::describe;
use super::connection::is_transient;
use super::dispatch::dispatch;
use super::error::CallError;
use super::options::Pin;
use crate::net::{Ready, Waiting, wait, wait_any};
use protocol::{
    BadFrame, FLAG_OUTPUT, Failure, HEADER_BYTES, Header, Kind, ReleaseId, body_from_slice,
};
use std::time::Instant;

/// First room for an answer: most fit, and one read suffices.
const FIRST_READ_BYTES: usize = 16 * 1024;
/// Most often a call follows "that is served elsewhere" answers.
const HOPS_MAX: u32 = 4;

/// How a wait for a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Done,
    /// The time given to wait is over; the call goes on.
    NotYet,
    /// A signal came that PHP wants to handle now.
    Interrupted,
}

/// Waits until `call` is done or `until` has passed. Spins first where the answer is likely to come
/// sooner than a sleeping processor would wake.
pub(super) fn await_call(
    cluster: &mut Cluster,
    call: &mut Call,
    until: Option<Instant>,
    interrupted: &dyn Fn() -> bool,
) -> Waited {
    spin(cluster, call);
    loop {
        if advance(cluster, call) {
            return Waited::Done;
        }
        let Some(link) = &call.link else {
            return Waited::NotYet;
        };
        let wake = earlier(call.patience, until);
        match wait(link.connection.socket.waiting(false), wake) {
            Ready::Interrupted if interrupted() => return Waited::Interrupted,
            Ready::Yes | Ready::Interrupted | Ready::TimedOut => {}
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            let done = advance(cluster, call);
            return if done { Waited::Done } else { Waited::NotYet };
        }
    }
}

/// Waits until something may have happened to one of `calls`, or `until` has passed.
pub(super) fn await_any(
    calls: &[&Call],
    until: Option<Instant>,
    interrupted: &dyn Fn() -> bool,
) -> Waited {
    let sockets: Vec<Waiting<'_>> = calls
        .iter()
        .filter_map(|call| call.link.as_ref())
        .map(|link| link.connection.socket.waiting(false))
        .collect();
    let patience = calls.iter().filter_map(|call| call.patience).min();
    match wait_any(&sockets, earlier(patience, until)) {
        Ready::Interrupted if interrupted() => Waited::Interrupted,
        Ready::TimedOut if until.is_some_and(|until| until <= Instant::now()) => Waited::NotYet,
        Ready::Yes | Ready::Interrupted | Ready::TimedOut => Waited::Done,
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Looks for the answer without sleeping, where that is likely to pay.
fn spin(cluster: &mut Cluster, call: &mut Call) {
    let Some(budget) = call.options().map(|options| options.busy_poll) else {
        return;
    };
    let Some(link) = &mut call.link else {
        return;
    };
    let gap = link.sent_at.duration_since(link.connection.used_at);
    if !link.connection.spinning.pays(gap, budget) {
        return;
    }
    link.spinning = true;
    let until = link.sent_at + budget;
    while !advance(cluster, call) {
        if Instant::now() >= until {
            if let Some(link) = &mut call.link {
                link.spinning = false;
                link.connection.spinning.missed();
            }
            return;
        }
        std::hint::spin_loop();
    }
}

/// Reads what has arrived, without waiting. True when the call is done.
pub(super) fn advance(cluster: &mut Cluster, call: &mut Call) -> bool {
    while let Some(link) = &mut call.link {
        if call.inbound.len() == call.inbound.capacity() || call.inbound.is_empty() {
            call.inbound.reserve(FIRST_READ_BYTES);
        }
        match link.connection.socket.receive(&mut call.inbound) {
            Ok(0) => lost(cluster, call, "the worker closed it"),
            Ok(_) => match frame(call) {
                Ok(Some(header)) => complete(cluster, call, header),
                Ok(None) => {}
                Err(bad) => {
                    drop_link(cluster, call);
                    call.fail(CallError::protocol(bad));
                }
            },
            Err(error) if is_transient(&error) => {
                out_of_patience(cluster, call);
                break;
            }
            Err(error) => lost(cluster, call, &describe(&error)),
        }
    }
    call.is_done()
}

/// The header, once the whole frame is there. Makes room for the rest when it is not.
fn frame(call: &mut Call) -> Result<Option<Header>, BadFrame> {
    let limit = call.options().map_or(0, |options| options.frame_bytes_max);
    let Some(header) = Header::parse(&call.inbound, limit)? else {
        return Ok(None);
    };
    let missing = header.frame_bytes().saturating_sub(call.inbound.len());
    if missing > 0 {
        call.inbound.reserve_exact(missing);
        return Ok(None);
    }
    if header.request_id != call.request_id {
        return Err(BadFrame::Malformed { what: "request id of an answer" });
    }
    if call.inbound.len() > header.frame_bytes() {
        return Err(BadFrame::Malformed { what: "end of an answer: more bytes follow" });
    }
    match header.kind {
        Kind::Return | Kind::Failure => Ok(Some(header)),
        kind => Err(BadFrame::Unexpected(kind)),
    }
}

/// A whole answer is in `call.inbound`.
fn complete(cluster: &mut Cluster, call: &mut Call, header: Header) {
    cluster.heard_of(header.epoch);
    if let Err(bad) = split_output(call, header.flags) {
        drop_link(cluster, call);
        return call.fail(CallError::protocol(bad));
    }
    if header.kind == Kind::Return {
        keep_link(cluster, call, header.release_id);
        call.state = State::Value;
        call.ran_in = ReleaseId(header.release_id);
        return;
    }
    match body_from_slice("Failure", call.answer()) {
        Ok(failure) => failed(cluster, call, failure, header.release_id),
        Err(bad) => {
            drop_link(cluster, call);
            call.fail(CallError::protocol(bad));
        }
    }
}

fn split_output(call: &mut Call, flags: u8) -> Result<(), BadFrame> {
    call.body_start = HEADER_BYTES;
    call.output_bytes = 0;
    if flags & FLAG_OUTPUT == 0 {
        return Ok(());
    }
    let malformed = BadFrame::Malformed { what: "output of an answer" };
    let body = &call.inbound[HEADER_BYTES..];
    let Some((length, rest)) = body.split_first_chunk::<4>() else {
        return Err(malformed);
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > rest.len() {
        return Err(malformed);
    }
    call.body_start = HEADER_BYTES + length.saturating_add(4);
    call.output_bytes = length;
    Ok(())
}

fn failed(cluster: &mut Cluster, call: &mut Call, failure: Failure, release: u64) {
    match failure {
        Failure::WrongPool { pool } if call.hops < HOPS_MAX => {
            keep_link(cluster, call, release);
            forget_catalog(cluster, call);
            if let Some(context) = &mut call.context {
                context.pool_told = Some(pool);
            }
            follow(cluster, call);
        }
        // The connection belongs to a release that is no longer current: nothing ran.
        Failure::WrongRelease { .. } if call.hops < HOPS_MAX => {
            drop_link(cluster, call);
            follow(cluster, call);
        }
        // What was known about the function may be old; the worker knows better.
        Failure::UnknownFunction { .. } if call.known().is_some() && call.hops < HOPS_MAX => {
            drop_link(cluster, call);
            forget_catalog(cluster, call);
            if let Some(context) = &mut call.context {
                context.pool_told = None;
                context.known = None;
            }
            follow(cluster, call);
        }
        failure => {
            match failure {
                Failure::Thrown(_)
                | Failure::BadArguments { .. }
                | Failure::BadResult { .. }
                | Failure::UnknownFunction { .. }
                | Failure::NotCallable { .. } => keep_link(cluster, call, release),
                // The executor may be gone, and its connection with it.
                _ => {
                    drop_link(cluster, call);
                }
            }
            call.fail(CallError::from_failure(failure, &call.function));
        }
    }
}

/// Sends the call again after an answer that said nothing ran, beginning with the same worker.
fn follow(cluster: &mut Cluster, call: &mut Call) {
    call.hops += 1;
    dispatch(cluster, call, Instant::now());
}

fn forget_catalog(cluster: &mut Cluster, call: &Call) {
    if let Some(context) = &call.context {
        cluster.apps[context.app].hash = 0;
    }
}

/// The connection broke while the answer was outstanding.
fn lost(cluster: &mut Cluster, call: &mut Call, detail: &str) {
    let Some(worker) = give_up_on(cluster, call) else {
        return;
    };
    punish(cluster, call, worker);
    if !resend(cluster, call) {
        call.fail(CallError::lost(detail, true));
    }
}

/// Gives the worker up when it has been silent for too long.
fn out_of_patience(cluster: &mut Cluster, call: &mut Call) {
    let now = Instant::now();
    if call.patience.is_none_or(|patience| now < patience) {
        return;
    }
    let Some(worker) = give_up_on(cluster, call) else {
        return;
    };
    punish(cluster, call, worker);
    let time_left = call.deadline.is_none_or(|deadline| now < deadline);
    if !(time_left && resend(cluster, call)) {
        call.fail(CallError::silent(&call.function, call.limit_ms));
    }
}

/// Drops the connection of a call that may have run. Unless pinning is off, a retry stays in the
/// release that the first attempt went to.
fn give_up_on(cluster: &mut Cluster, call: &mut Call) -> Option<usize> {
    let release = call.link.as_ref()?.connection.release;
    if let Some(context) = call.context.as_mut().filter(|context| context.options.pin != Pin::Off) {
        context.release = release;
    }
    drop_link(cluster, call)
}

fn punish(cluster: &mut Cluster, call: &Call, worker: usize) {
    let jitter = cluster.jitter();
    if let Some(options) = call.options() {
        cluster.workers[worker].failed(Instant::now(), options, jitter);
    }
}

/// Sends an idempotent call once more, to the next worker in its order.
fn resend(cluster: &mut Cluster, call: &mut Call) -> bool {
    let retries = call.options().map_or(0, |options| options.retries);
    if !call.is_idempotent() || call.resends >= retries {
        return false;
    }
    call.resends += 1;
    call.next = (call.next + 1) % call.order.len().max(1);
    dispatch(cluster, call, Instant::now());
    true
}

/// Takes the connection from the call for the next one to use.
fn keep_link(cluster: &mut Cluster, call: &mut Call, release: u64) {
    let Some(Link { worker, mut connection, spinning, .. }) = call.link.take() else {
        return;
    };
    connection.used_at = Instant::now();
    if spinning {
        connection.spinning.hit();
    }
    if release != 0 {
        connection.release = ReleaseId(release);
    }
    if let Some(context) = &call.context {
        cluster.workers[worker].put_idle(context.app, connection);
    }
}

/// Closes the call's connection; the worker it led to.
pub(super) fn drop_link(cluster: &mut Cluster, call: &mut Call) -> Option<usize> {
    let link = call.link.take()?;
    cluster.workers[link.worker].dropped();
    Some(link.worker)
}
