//! What becomes of a call after an answer without a value, a broken connection, or silence.

use super::call::{Call, Link};
use super::cluster::Cluster;
use super::dispatch::dispatch;
use super::error::CallError;
use super::options::Pin;
use protocol::{Failure, ReleaseId};
use std::time::Instant;

/// Most often a call follows "that is served elsewhere" answers.
const HOPS_MAX: u32 = 4;

/// The worker answered with a failure.
pub(super) fn failed(cluster: &mut Cluster, call: &mut Call, failure: Failure, release: u64) {
    match failure {
        Failure::WrongPool { pool } if call.hops < HOPS_MAX => {
            keep_link(cluster, call, release);
            forget_catalog(cluster, call);
            if let Some(context) = &mut call.context {
                context.pool_told = Some(pool);
            }
            follow(cluster, call);
        }
        // The connection leads to another release, or is on its way to one: nothing ran.
        Failure::WrongRelease { .. } | Failure::Moved if call.hops < HOPS_MAX => {
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
pub(super) fn lost(cluster: &mut Cluster, call: &mut Call, detail: &str) {
    let Some(worker) = give_up_on(cluster, call) else {
        return;
    };
    punish(cluster, call, worker);
    if !resend(cluster, call) {
        call.fail(CallError::lost(detail, true));
    }
}

/// Gives the worker up when it has been silent for too long.
pub(super) fn out_of_patience(cluster: &mut Cluster, call: &mut Call) {
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
pub(super) fn keep_link(cluster: &mut Cluster, call: &mut Call, release: u64) {
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
