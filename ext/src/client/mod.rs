//! The client: everything between "call this function" and the bytes of its answer. Knows no PHP
//! value; `api` encodes and decodes those.
//!
//! One per thread of PHP, made at the first call. Functions here take the client by `with`, do their
//! work, which never calls into PHP, and give it back; so user code that runs while values are
//! encoded or decoded may call again.

mod app;
mod await_calls;
mod caching;
mod call;
mod cancel;
mod catalog;
mod cluster;
mod clusters;
mod connection;
mod credentials;
mod dispatch;
mod errand;
mod error;
mod fate;
mod fork;
mod invalidation;
mod job_error;
mod membership;
mod options;
mod pins;
mod prepare;
mod receive;
mod report;
mod routing;
mod spinning;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod way;
mod worker;

pub(crate) use await_calls::Waited;
pub(crate) use caching::{Ground, counts, ground, known_ground};
pub(crate) use call::{Call, State};
pub(crate) use credentials::Credentials;
pub(crate) use error::{CallError, ErrorKind};
pub(crate) use invalidation::tag_text;
pub(crate) use options::{CacheTerms, Fleet, JobTerms, Options, Pin};
pub(crate) use report::{ConnectionReport, WorkerReport, report};
pub(crate) use routing::Manner;
pub(crate) use table::CallId;
pub(crate) use token::Token;

use caching::Shortcuts;
use call::Link;
use cancel::Courtesy;
use cluster::Cluster;
use fork::ForkMark;
use pins::Pins;
use protocol::{AppName, JobRequest, ReleaseId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use table::Table;

struct Client {
    mark: ForkMark,
    clusters: Vec<Cluster>,
    table: Table,
    pins: Pins,
    /// See `Client::request_key`; `None` until it is needed.
    request_key: Option<u64>,
    courtesy: Courtesy,
    shortcuts: Shortcuts,
    request: u64,
    request_id: u64,
    /// Counts uses of clusters, to tell which was used last.
    uses: u64,
}

thread_local! {
    static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
    /// Counts PHP requests. Apart from `CLIENT`, so that a request that makes no call pays nothing.
    static REQUEST: Cell<u64> = const { Cell::new(0) };
}

/// A PHP request begins: pins of the last one are over.
pub(crate) fn request_begins() {
    REQUEST.with(|request| request.set(request.get().wrapping_add(1)));
}

/// A PHP request is over: what it kept of workers is given back. Other requests of this process may
/// be a long time in coming.
pub(crate) fn request_ends() {
    CLIENT.with_borrow_mut(|client| {
        if let Some(client) = client {
            client.catch_up();
            client.give_back();
        }
    });
}

/// Pins an application of `options` for the rest of the PHP request; the release.
pub(crate) fn pin(options: &Rc<Options>, app: Option<AppName>) -> Result<ReleaseId, CallError> {
    with(|client| client.pin_app(options, app))
}

/// Lets go of every pin.
pub(crate) fn unpin() {
    with(Client::unpin);
}

/// Closes every connection; at the end of the module.
pub(crate) fn shut_down() {
    CLIENT.with_borrow_mut(|client| *client = None);
}

fn with<R>(work: impl FnOnce(&mut Client) -> R) -> R {
    CLIENT.with_borrow_mut(|client| {
        let client = client.get_or_insert_with(Client::new);
        client.catch_up();
        work(client)
    })
}

/// Has every caller of every host use no more what it keeps of results: those of a function (as calls name
/// it), those with one of the tags, or all of the application if neither is named. Nothing that was asked
/// for before this returns is kept. How many workers were told, which are all of them; an error says
/// which were not, and the others were all the same.
pub(crate) fn invalidate(
    options: &Rc<Options>,
    function: Option<&str>,
    tags: &[&[u8]],
) -> Result<usize, CallError> {
    with(|client| client.invalidate(options, function, tags))
}

/// Begins a call. It must be given back by [`release`], by the caller or, after [`give_to_object`],
/// by the PHP object that holds it.
pub(crate) fn begin() -> CallId {
    with(|client| client.table.take(client.request))
}

pub(crate) fn give_to_object(id: CallId) {
    with(|client| client.table.give_to_object(id));
}

/// Lends the call to `work`, which may call into PHP, but must not use the same call by another way.
pub(crate) fn lend<R>(id: CallId, work: impl FnOnce(&mut Call) -> R) -> Option<R> {
    with(|client| client.call(id)).map(work)
}

/// Fills in what the call needs before its arguments can be encoded: the catalog's entry of
/// `target`, the pool, the deadline. Connects when the catalog is not known yet.
pub(crate) fn prepare(
    id: CallId,
    options: &Rc<Options>,
    target: &str,
    manner: Manner,
) -> Result<(), CallError> {
    with(|client| client.prepare(id, options, target, manner))
}

/// Fills in what the call needs before the arguments of a job of `target` can be encoded.
pub(crate) fn prepare_job(
    id: CallId,
    options: &Rc<Options>,
    target: &str,
) -> Result<(), CallError> {
    with(|client| client.prepare_job(id, options, target))
}

/// Fills in what the call needs to store jobs that were encoded before.
pub(crate) fn prepare_storing(id: CallId, options: &Rc<Options>) -> Result<(), CallError> {
    prepare_question(id, options, options.timeout)
}

/// Fills in what the call needs to ask about jobs, for at most so long.
pub(crate) fn prepare_question(
    id: CallId,
    options: &Rc<Options>,
    limit: Option<Duration>,
) -> Result<(), CallError> {
    with(|client| client.prepare_errand(id, options, None, "", limit))
}

/// Sends a request about jobs with a call that was prepared for one.
pub(crate) fn send_errand(id: CallId, request: &JobRequest) {
    with(|client| client.send_errand(id, request));
}

/// Sends the call, whose frame the caller has completed.
pub(crate) fn dispatch(id: CallId) {
    with(|client| {
        client.settle_version(id);
        if let Some((cluster, call)) = client.parts(id) {
            dispatch::dispatch(cluster, call, Instant::now());
        }
    });
}

/// Waits for a call. `interrupted` is asked after each signal whether PHP wants to handle it.
pub(crate) fn wait(id: CallId, until: Option<Instant>, interrupted: &dyn Fn() -> bool) -> Waited {
    with(|client| {
        let waited = match client.parts(id) {
            Some((_, call)) if call.is_done() => Waited::Done,
            Some((cluster, call)) => await_calls::await_call(cluster, call, until, interrupted),
            None => Waited::Done,
        };
        client.pin_to_answer(id);
        waited
    })
}

/// Reads what has arrived for the call. True when it is done.
pub(crate) fn poll(id: CallId) -> bool {
    with(|client| {
        let done = match client.parts(id) {
            Some((cluster, call)) => call.is_done() || receive::advance(cluster, call),
            None => true,
        };
        client.pin_to_answer(id);
        done
    })
}

/// Waits until one of `ids` may have come on, or `until` has passed.
pub(crate) fn wait_any(
    ids: &[CallId],
    until: Option<Instant>,
    interrupted: &dyn Fn() -> bool,
) -> Waited {
    with(|client| {
        let mut calls: Vec<&Call> = Vec::with_capacity(ids.len());
        for id in ids {
            match client.call(*id) {
                Some(call) => calls.push(call),
                None => return Waited::Done,
            }
        }
        await_calls::await_any(&calls, until, interrupted)
    })
}

/// Interrupts a call. False when it was done already.
pub(crate) fn cancel(id: CallId) -> bool {
    if poll(id) {
        return false;
    }
    with(|client| client.cancel(id));
    true
}

/// Ends a call; one still in flight is cancelled.
pub(crate) fn release(id: CallId) {
    with(|client| {
        client.cancel(id);
        client.table.release(id);
    });
}

/// Most executors the function's application has: how many calls at once are of use. 0 = unknown.
pub(crate) fn useful_concurrency(id: CallId) -> usize {
    with(|client| client.useful_concurrency(id))
}

impl Client {
    fn new() -> Self {
        Self {
            mark: ForkMark::new(),
            clusters: Vec::new(),
            table: Table::default(),
            pins: Pins::default(),
            request_key: None,
            courtesy: Courtesy::default(),
            shortcuts: Shortcuts::default(),
            request: REQUEST.get(),
            // Unique over a worker's clients for logs; unique over a connection's calls is required.
            request_id: u64::from(std::process::id()) << 40,
            uses: 0,
        }
    }

    /// Notices a fork and the beginning of a PHP request.
    fn catch_up(&mut self) {
        if self.mark.is_child() {
            self.leave_to_parent();
        }
        let request = REQUEST.get();
        if self.request != request {
            self.request = request;
            self.give_back();
            for id in self.table.abandoned(request) {
                self.cancel(id);
                self.table.release(id);
            }
        }
    }

    /// What a PHP request keeps of workers beyond its connections for calls: they have to count those
    /// who keep an old release, and have few connections for questions.
    fn give_back(&mut self) {
        self.unpin();
        for worker in self.clusters.iter_mut().flat_map(|cluster| &mut cluster.workers) {
            worker.control = None;
        }
    }

    /// In a forked child: the connections are the parent's, and so are its calls.
    fn leave_to_parent(&mut self) {
        for id in self.table.all() {
            if let Some(call) = self.call(id)
                && let Some(Link { connection, .. }) = call.link.take()
            {
                connection.socket.abandon();
                call.fail(CallError::lost(
                    "it belongs to the process this one was forked from",
                    true,
                ));
            }
        }
        for worker in self.clusters.iter_mut().flat_map(|cluster| &mut cluster.workers) {
            worker.abandon();
        }
    }

    fn parts(&mut self, id: CallId) -> Option<(&mut Cluster, &mut Call)> {
        let call = self.call(id)?;
        let cluster = call.context.as_ref()?.cluster;
        Some((self.clusters.get_mut(cluster)?, call))
    }

    fn useful_concurrency(&mut self, id: CallId) -> usize {
        let Some((cluster, call)) = self.parts(id) else {
            return 0;
        };
        let Some(app) = call.context.as_ref().and_then(|c| cluster.apps.get(c.app)) else {
            return 0;
        };
        let workers = cluster.workers.iter().filter(|worker| worker.key_weight() > 0);
        usize::from(app.executors_max) * workers.count().max(1)
    }
}
