//! What is asked of the workers' ledgers: jobs to be stored, and questions about those that are.
//!
//! An errand travels as a call does, by the same table, deadlines and waits, on connections of its
//! own. It differs in who may take it: a job with a key belongs to one worker, because order, limits and
//! uniqueness hold within a ledger; so does a question about a job, whose id tells the ledger.

use super::Client;
use super::call::{Call, Context, State};
use super::cluster::Cluster;
use super::dispatch::dispatch;
use super::error::CallError;
use super::options::Options;
use super::prepare::{check_name, shorter};
use super::table::CallId;
use super::worker::Worker;
use crate::deployed;
use protocol::{
    AppName, BadFrame, Cancellation, HEADER_BYTES, JobOptions, JobRefusal, JobReply, JobRequest,
    body_from_slice, split_target,
};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) route: Route,
    /// Whether it may be sent again when its fate is unknown.
    pub(super) repeatable: bool,
    /// Whether jobs are to be stored; else it is a question.
    pub(super) stores: bool,
}

/// Which workers may take an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Any: the one at hand before the others.
    Any,
    /// The one that the call's key falls to, and no other.
    Key,
    /// The one whose ledger has this tag.
    Ledger(u16),
}

impl Errand {
    fn of(request: &JobRequest) -> Self {
        let (route, repeatable, stores) = match request {
            JobRequest::Enqueue { jobs, .. } => {
                let all_known = jobs.iter().all(|job| job.options.idempotency_key.is_some());
                let route = match jobs.first() {
                    Some(job) if job.batch.is_some() => {
                        Route::Ledger(job.batch.map_or(0, |batch| batch.tag()))
                    }
                    Some(job) if key(&job.options).is_some() => Route::Key,
                    _ => Route::Any,
                };
                (route, all_known && !jobs.is_empty(), true)
            }
            // The second answer would be that there is nothing left to cancel.
            JobRequest::Cancel { id } | JobRequest::CancelBatch { id } => {
                (Route::Ledger(id.tag()), false, false)
            }
            JobRequest::Find { id }
            | JobRequest::Await { id, .. }
            | JobRequest::Batch { id }
            | JobRequest::AwaitBatch { id, .. } => (Route::Ledger(id.tag()), true, false),
        };
        Self { route, repeatable, stores }
    }
}

/// What a request comes to when no worker has what it is about.
fn nothing(request: &JobRequest) -> JobReply {
    match request {
        JobRequest::Enqueue { jobs, .. } => {
            let batch = jobs.iter().find_map(|job| job.batch);
            JobReply::Refused(match batch {
                Some(id) => JobRefusal::UnknownBatch { id },
                None => JobRefusal::Unavailable { reason: "no worker takes it".to_owned() },
            })
        }
        JobRequest::Find { .. } | JobRequest::Await { .. } => JobReply::Job(None),
        JobRequest::Batch { .. } | JobRequest::AwaitBatch { .. } => JobReply::Batch(None),
        JobRequest::Cancel { .. } | JobRequest::CancelBatch { .. } => {
            JobReply::Cancelled(Cancellation::Unknown)
        }
    }
}

/// What every client must hash alike: jobs of one key meet in one ledger.
fn key(options: &JobOptions) -> Option<String> {
    let group = options.group.as_ref().map(|key| format!("group:{key}"));
    let unique = || options.unique.as_ref().map(|unique| format!("unique:{}", unique.key));
    let limit = || options.limit.as_ref().map(|limit| format!("limit:{}", limit.key));
    let same = || options.idempotency_key.as_ref().map(|key| format!("idempotency:{key}"));
    group.or_else(unique).or_else(limit).or_else(same)
}

impl Client {
    /// Prepares a call for the arguments of a job of `target`; what the catalog knows of it, as far as
    /// there is one, is good for error messages. The worker decides.
    pub(super) fn prepare_job(
        &mut self,
        id: CallId,
        options: &Rc<Options>,
        target: &str,
    ) -> Result<(), CallError> {
        let (app, function) =
            split_target(target).map_err(|error| CallError::config(error.to_string()))?;
        check_name(function)?;
        self.prepare_errand(id, options, app, function, options.timeout)
            .map_err(|error| error.of(function))
    }

    /// Prepares a call for a question.
    pub(super) fn prepare_errand(
        &mut self,
        id: CallId,
        options: &Rc<Options>,
        app: Option<AppName>,
        function: &str,
        limit: Option<Duration>,
    ) -> Result<(), CallError> {
        let cluster = self.cluster(&options.fleet)?;
        self.clusters[cluster].look_at_boards();
        let app = self.clusters[cluster].app(app.as_ref().unwrap_or(&options.app));
        let mut context = Context::new(Rc::clone(options), cluster, app);
        // Until it is known what is asked.
        context.errand = Some(Errand { route: Route::Any, repeatable: false, stores: true });
        context.known = self.clusters[cluster].apps[app].known(function);
        self.request_id += 1;
        let request_id = self.request_id;
        let Some(call) = self.call(id) else {
            return Err(CallError::config("the call was released"));
        };
        call.frame.clear();
        call.function.clear();
        call.function.push_str(function);
        call.request_id = request_id;
        call.context = Some(context);
        let limit = shorter(limit, deployed::time_left());
        call.deadline = limit.map(|limit| Instant::now() + limit);
        call.limit_ms = limit.map_or(0, |limit| limit.as_millis());
        Ok(())
    }

    /// Sends a request with a prepared call.
    pub(super) fn send_errand(&mut self, id: CallId, request: &JobRequest) {
        let Some(call) = self.call(id) else {
            return;
        };
        call.frame.clear();
        call.frame.extend_from_slice(&[0; HEADER_BYTES]);
        protocol::append_body(&mut call.frame, request);
        let errand = Errand::of(request);
        if matches!(errand.route, Route::Ledger(_)) {
            call.absent = Some(nothing(request));
        }
        if let (JobRequest::Enqueue { jobs, .. }, Route::Key) = (request, errand.route) {
            let key = jobs.first().and_then(|job| key(&job.options)).unwrap_or_default();
            call.affinity = key.into_bytes();
        }
        let Some(context) = &mut call.context else {
            return call.fail(CallError::config("the call was not prepared"));
        };
        let by_key = errand.route == Route::Key;
        context.errand = Some(errand);
        let context = context.clone();
        // Who the workers are decides where a key falls, and is told by any of them.
        if by_key && let Err(error) = self.acquaint(&context, call.deadline) {
            return call.fail(error);
        }
        dispatch(&mut self.clusters[context.cluster], call, Instant::now());
    }
}

impl Cluster {
    /// Fills `order` with the workers that may take the errand.
    pub(super) fn order_errand(&mut self, errand: &Errand, key: &[u8], order: &mut Vec<usize>) {
        match errand.route {
            Route::Any => self.order(&[], Instant::now(), order),
            Route::Key => {
                // Also when that worker rests after a failure: another would not know its jobs.
                self.order_by_key(key, order);
                order.truncate(1);
            }
            Route::Ledger(tag) => {
                self.order(&[], Instant::now(), order);
                // Those that had another one come last, and are asked, too: a worker may have come back
                // with a ledger that was another's.
                order.sort_by_key(|&index| match self.workers[index].ledger {
                    Some(known) if known == tag => 0,
                    None => 1,
                    Some(_) => 2,
                });
            }
        }
    }
}

/// A whole answer has come, and its connection is given back.
pub(super) fn answered(cluster: &mut Cluster, call: &mut Call) {
    let reply: JobReply = match body_from_slice("JobReply", call.answer()) {
        Ok(reply) => reply,
        Err(bad) => return call.fail(CallError::protocol(bad)),
    };
    let Some(errand) = call.context.as_ref().and_then(|context| context.errand.as_ref()) else {
        return call.fail(CallError::protocol(BadFrame::Malformed { what: "answer" }));
    };
    match (&reply, errand.route) {
        // Nothing was stored, and another worker may do.
        (JobReply::Refused(JobRefusal::Unavailable { .. }), Route::Any)
            if call.next + 1 < call.order.len() =>
        {
            refuse(call, reply);
            ask_next(cluster, call);
        }
        // Tags of ledgers are short: another one may have the same.
        (reply, Route::Ledger(_)) if call.absent.as_ref() == Some(reply) => {
            call.is_denied = true;
            ask_next(cluster, call);
        }
        _ => {
            call.reply = Some(reply);
            call.state = State::Value;
        }
    }
}

fn ask_next(cluster: &mut Cluster, call: &mut Call) {
    call.next += 1;
    dispatch(cluster, call, Instant::now());
}

fn refuse(call: &mut Call, reply: JobReply) {
    if let JobReply::Refused(refusal) = reply {
        let error = CallError::from_refusal(refusal, &call.function);
        call.refusal.get_or_insert(match &call.worker {
            Some(worker) => error.at(&**worker),
            None => error,
        });
    }
}

/// No worker is left to ask. Whether all were asked, and none of them has what is asked for.
pub(super) fn is_absent(cluster: &Cluster, call: &mut Call) -> bool {
    let all_were_asked = call.attempts.is_empty() && call.refusal.is_none();
    let known = all_were_asked && cluster.workers.iter().any(Worker::is_listed);
    match call.absent.take().filter(|_| known) {
        Some(reply) => {
            call.reply = Some(reply);
            call.state = State::Value;
            true
        }
        None => false,
    }
}

/// Why nobody took what was to be sent.
pub(super) fn untaken(cluster: &Cluster, call: &mut Call) -> CallError {
    let refusal = call.refusal.take();
    match (refusal, call.errand().map(|errand| errand.route), call.attempts.as_slice()) {
        // It may be with a worker that could not be asked.
        (refusal, _, attempts) if call.is_denied => CallError::not_all_asked(attempts, refusal),
        (Some(refusal), ..) => refusal,
        (None, Some(Route::Key), [attempt]) => CallError::key_unreachable(attempt),
        (None, _, attempts) => CallError::unreachable(&cluster.fleet.text, attempts),
    }
}
