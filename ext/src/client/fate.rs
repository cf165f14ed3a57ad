//! What becomes of a call after an answer without a value, a broken connection, or silence.

use super::app::Version;
use super::call::{Call, Link, Whereabouts};
use super::cluster::Cluster;
use super::dispatch::{ASK_AFTER, LAST_WORD, dispatch, patience, send_again};
use super::error::CallError;
use protocol::{ControlReply, ControlRequest, Failure};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Most often a call follows "that is served elsewhere" answers.
const HOPS_MAX: u32 = 4;
/// Most often it is sent again on a connection that is on its way to another release.
const MOVES_MAX: u32 = 4;
/// Longest that a worker may take to show that it is well.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);
/// Longest that it may take to say what became of a call.
const TELLS_WITHIN: Duration = Duration::from_millis(200);
/// With less time left another attempt is of no use.
const LEFT_LEAST: Duration = Duration::from_millis(100);

/// The worker answered with a failure.
pub(super) fn failed(cluster: &mut Cluster, call: &mut Call, failure: Failure, ran_in: Version) {
    match failure {
        Failure::Moved if call.moves < MOVES_MAX => {
            call.moves += 1;
            if !send_again(cluster, call) {
                dispatch(cluster, call, Instant::now());
            }
        }
        Failure::Moved if call.hops < HOPS_MAX => {
            drop_link(cluster, call);
            follow(cluster, call);
        }
        Failure::WrongRelease { .. } if call.hops < HOPS_MAX => {
            to_its_release(cluster, call);
            follow(cluster, call);
        }
        Failure::WrongPool { pool } if call.hops < HOPS_MAX => {
            keep_link(cluster, call);
            heard_from(cluster, call, ran_in);
            if let Some(context) = &mut call.context {
                context.pool_told = Some(pool);
            }
            follow(cluster, call);
        }
        // What was known about the function may be old; the worker knows better.
        Failure::UnknownFunction { .. } if call.known().is_some() && call.hops < HOPS_MAX => {
            keep_link(cluster, call);
            heard_from(cluster, call, ran_in);
            if let Some(context) = &mut call.context {
                context.pool_told = None;
                context.known = None;
            }
            follow(cluster, call);
        }
        // Each worker can say so once.
        Failure::ReleaseGone { .. } if is_bound(call) => {
            if let (Some(context), Some(link)) = (&call.context, &call.link) {
                cluster.apps[context.app].lacks(link.worker, context.version);
            }
            keep_link(cluster, call);
            dispatch(cluster, call, Instant::now());
        }
        failure => fail(cluster, call, failure, ran_in),
    }
}

/// Whether the call has to run in one release.
fn is_bound(call: &Call) -> bool {
    call.context.as_ref().is_some_and(|context| !context.version.release.is_any())
}

/// The failure is what the call came to.
fn fail(cluster: &mut Cluster, call: &mut Call, failure: Failure, ran_in: Version) {
    let failure = match failure {
        // It began so late that its own clock had time left when the caller's was over.
        Failure::Cancelled if call.whereabouts.is_some() => Failure::TimedOut {
            limit_ms: u32::try_from(call.limit_ms).unwrap_or(u32::MAX),
            killed: false,
        },
        failure => failure,
    };
    match failure {
        Failure::UnknownFunction { .. } | Failure::NotCallable { .. } => keep_link(cluster, call),
        Failure::Thrown(_)
        | Failure::JobThrown { .. }
        | Failure::BadArguments { .. }
        | Failure::BadResult { .. } => {
            keep_link(cluster, call);
            call.ran_in = ran_in;
        }
        Failure::Fatal { .. }
        | Failure::Died { .. }
        | Failure::TimedOut { .. }
        | Failure::Cancelled => {
            // The executor may be gone, and its connection with it.
            drop_link(cluster, call);
            call.ran_in = ran_in;
        }
        _ => {
            drop_link(cluster, call);
        }
    }
    heard_from(cluster, call, ran_in);
    let app = call.context.as_ref().and_then(|context| cluster.apps.get(context.app));
    let notice = app.map_or("", |app| app.routing().notice.as_str());
    let error = CallError::from_failure(failure, &call.function).noting(notice);
    call.fail(error);
}

/// The connection leads to another release than the call's. If it was not asked for with one it is
/// good for others; the call needs one that is.
fn to_its_release(cluster: &mut Cluster, call: &mut Call) {
    let leads_to_current = call.link.as_ref().is_some_and(|link| link.connection.release.is_any());
    let bound = is_bound(call);
    match &mut call.context {
        Some(context) if leads_to_current && bound => {
            context.by_name = true;
            keep_link(cluster, call);
        }
        _ => {
            drop_link(cluster, call);
        }
    }
}

/// Sends the call again after an answer that said nothing ran, beginning with the same worker.
fn follow(cluster: &mut Cluster, call: &mut Call) {
    call.hops += 1;
    dispatch(cluster, call, Instant::now());
}

/// An answer came from `version`. Where no board tells of changes, unpinned calls do.
pub(super) fn heard_from(cluster: &mut Cluster, call: &Call, version: Version) {
    if let Some(context) = &call.context
        && context.version.release.is_any()
        && !cluster.is_watched()
    {
        cluster.apps[context.app].ran_unpinned(version);
    }
}

/// The connection broke while the answer was outstanding.
pub(super) fn lost(cluster: &mut Cluster, call: &mut Call, detail: &str) {
    let Some(worker) = drop_link(cluster, call) else {
        return;
    };
    punish(cluster, call, worker);
    if !resend(cluster, call) {
        call.fail(call.lost(detail, true));
    }
}

/// Gives the worker up when it has been silent for too long.
pub(super) fn out_of_patience(cluster: &mut Cluster, call: &mut Call) {
    let now = Instant::now();
    if call.patience.is_none_or(|patience| now < patience)
        || goes_on(cluster, call, now)
        || may_have_last_word(cluster, call, now)
    {
        return;
    }
    let Some(worker) = drop_link(cluster, call) else {
        return;
    };
    if call.whereabouts == Some(Whereabouts::Queue) {
        return call.fail(never_begun(cluster, call));
    }
    punish(cluster, call, worker);
    let time_left = call.deadline.is_none_or(|deadline| now < deadline);
    if !(time_left && resend(cluster, call)) {
        call.fail(call.silent());
    }
}

/// Whether a call that is given up early, so that it can be made elsewhere, is only a slow one: its
/// worker answers a question. Then there is a half of what is left to wait again.
fn goes_on(cluster: &mut Cluster, call: &mut Call, now: Instant) -> bool {
    let left = call.deadline.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
    let (Some(link), Some(context)) = (&call.link, &call.context) else {
        return false;
    };
    if left.is_zero() {
        return false;
    }
    if left < LEFT_LEAST {
        call.patience = call.deadline.map(|deadline| deadline + ASK_AFTER);
        return true;
    }
    let (worker, options) = (link.worker, Rc::clone(&context.options));
    let until = now + (left / 4).min(ANSWERS_WITHIN);
    let alive = cluster.ask(worker, &options, Some(until), &ControlRequest::Membership).is_ok();
    if alive {
        call.patience = patience(cluster, call, Instant::now());
    }
    alive
}

/// Whether there may still be an answer, because the worker is only now asked what became of the call
/// and to end it.
fn may_have_last_word(cluster: &mut Cluster, call: &mut Call, now: Instant) -> bool {
    // Only a ledger could tell: the supervisor knows calls, and would say that it has none like it.
    if call.errand().is_some() {
        return false;
    }
    let Some(deadline) = call.deadline.filter(|deadline| *deadline <= now) else {
        return false;
    };
    let (Some(link), Some(context), None) = (&call.link, &call.context, call.whereabouts) else {
        return false;
    };
    let (worker, options) = (link.worker, Rc::clone(&context.options));
    let question =
        ControlRequest::Cancel { connection: link.connection.id, request_id: call.request_id };
    let told = cluster.ask(worker, &options, Some(now + TELLS_WITHIN), &question);
    let (whereabouts, patience) = match told {
        // What was answered in between has arrived by now.
        Ok(ControlReply::Cancelled { found: false }) => (Whereabouts::Queue, now),
        _ => (Whereabouts::Running, deadline + LAST_WORD),
    };
    (call.whereabouts, call.patience) = (Some(whereabouts), Some(patience));
    true
}

fn never_begun(cluster: &Cluster, call: &Call) -> CallError {
    let context = call.context.as_ref();
    let pool = context.and_then(|context| context.pool()).unwrap_or("");
    let app = context.and_then(|context| cluster.apps.get(context.app));
    let executors = app.map_or(0, |app| app.executors_max);
    CallError::never_begun(&call.function, call.limit_ms, pool, executors)
}

fn punish(cluster: &mut Cluster, call: &Call, worker: usize) {
    if let Some(options) = call.options() {
        cluster.failed(worker, options, "");
    }
}

/// Sends an idempotent call once more, to the next worker in its order; an errand to the same.
fn resend(cluster: &mut Cluster, call: &mut Call) -> bool {
    let retries = call.options().map_or(0, |options| options.retries);
    if !call.is_idempotent() || call.resends >= retries {
        return false;
    }
    call.resends += 1;
    // A job's worker is the only one that knows whether it has it.
    if call.errand().is_none() {
        call.next = (call.next + 1) % call.order.len().max(1);
    }
    dispatch(cluster, call, Instant::now());
    true
}

/// Takes the connection from the call for the next one to use.
pub(super) fn keep_link(cluster: &mut Cluster, call: &mut Call) {
    let Some(Link { worker, mut connection, spinning, .. }) = call.link.take() else {
        return;
    };
    connection.used_at = Instant::now();
    if spinning {
        connection.spinning.hit();
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
