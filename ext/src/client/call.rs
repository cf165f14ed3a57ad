//! One call on its way: everything it owns, from the encoded request to the answer's bytes.

use super::app::Version;
use super::catalog::View;
use super::connection::Connection;
use super::errand::Errand;
use super::error::CallError;
use super::options::Options;
use protocol::{AppName, Canary, DEFAULT_POOL, Function, JobReply, Purpose, ReleaseId};
use std::rc::Rc;
use std::time::Instant;

/// A buffer that grew larger than this is given back after the call.
const BUFFER_KEPT_BYTES: usize = 1024 * 1024;

/// What a call has come to.
#[derive(Debug, Default)]
pub(crate) enum State {
    /// Not sent yet.
    #[default]
    Idle,
    /// On a connection; the answer is outstanding.
    InFlight,
    /// The value's encoding is in `Call::answer()`.
    Value,
    Failed(CallError),
}

/// A call. Lives in the table of calls and nowhere else, so that a bailout of PHP that skips the
/// frames using it loses nothing.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Head and arguments behind a header that is written last; sent as it is.
    pub frame: Vec<u8>,
    /// The answer, header included.
    pub(super) inbound: Vec<u8>,
    pub state: State,
    pub function: String,
    pub(super) context: Option<Context>,
    /// Shared key for choosing the worker; empty = any worker will do.
    pub affinity: Vec<u8>,
    pub(super) request_id: u64,
    pub(super) link: Option<Link>,
    /// Workers in the order to try, and how far the trying has come.
    pub(super) order: Vec<usize>,
    pub(super) next: usize,
    pub(super) sent: usize,
    pub(super) resends: u32,
    pub(super) hops: u32,
    /// How often it was sent again because its connection was on its way to another release.
    pub(super) moves: u32,
    /// When the call's own time is over; `None` = never.
    pub(super) deadline: Option<Instant>,
    pub(super) limit_ms: u128,
    /// When to stop waiting for this worker: a while after the deadline, so that the worker can say
    /// itself what happened; or earlier, when another worker is to be tried.
    pub(super) patience: Option<Instant>,
    /// What the worker said of it after its deadline.
    pub(super) whereabouts: Option<Whereabouts>,
    /// What it ran in.
    pub(super) ran_in: Version,
    /// What each worker that was tried answered.
    pub(super) attempts: Vec<String>,
    pub(super) refusal: Option<CallError>,
    /// What an errand came to.
    pub(super) reply: Option<JobReply>,
    /// What it comes to when no worker has the job.
    pub(super) absent: Option<JobReply>,
    /// Whether a worker said that it does not have it.
    pub(super) is_denied: bool,
    /// Answered by: for errors.
    pub(super) worker: Option<Rc<str>>,
    /// Where the value begins in `inbound`, and how much of the front of the body is output.
    pub(super) body_start: usize,
    pub(super) output_bytes: usize,
}

/// What became of a call that has no answer when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It runs, as far as is known, and is being ended.
    Running,
    /// No executor has begun it.
    Queue,
}

/// Where a call belongs.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) options: Rc<Options>,
    pub(super) cluster: usize,
    pub(super) app: usize,
    /// What the catalog says about the function, when it knows it.
    pub(super) known: Option<Known>,
    /// What the worker said, when it disagreed with the catalog.
    pub(super) pool_told: Option<String>,
    pub(super) stay: Stay,
    /// What to run in.
    pub(super) version: Version,
    /// The connection has to be one that was asked for with this release: another kind led elsewhere.
    pub(super) by_name: bool,
    /// What it is about, when it is no call of a function.
    pub(super) errand: Option<Errand>,
}

/// What decides the version that a call runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stay {
    /// Nothing: it is the current one.
    #[default]
    Free,
    /// A release is on trial: its key decides, or the PHP request's, when it is sent.
    Trial { canary: Canary, request_key: u64 },
    /// It is one of the canary's.
    Canary,
    /// It is the first call of its PHP request: the current one, and its answer pins the others.
    Pins,
    /// The PHP request is pinned.
    Pinned,
}

impl Context {
    pub(super) fn new(options: Rc<Options>, cluster: usize, app: usize) -> Self {
        Self {
            options,
            cluster,
            app,
            known: None,
            pool_told: None,
            stay: Stay::Free,
            version: Version::default(),
            by_name: false,
            errand: None,
        }
    }

    pub(super) fn function(&self) -> Option<&Function> {
        let known = self.known.as_ref()?;
        known.view.catalog.functions.get(known.index)
    }

    /// The pool that its connection leads to; `None` = to the worker's ledger.
    pub(super) fn pool(&self) -> Option<&str> {
        match (&self.errand, &self.pool_told, self.function()) {
            (Some(_), ..) => None,
            (None, Some(told), _) => Some(told),
            (None, None, Some(function)) => Some(&function.pool),
            (None, None, None) => Some(DEFAULT_POOL),
        }
    }

    /// What to open a connection for.
    pub(super) fn purpose(&self, app: &AppName, release: ReleaseId) -> Purpose {
        let app = app.clone();
        match self.pool() {
            Some(pool) => Purpose::Calls { app, pool: pool.to_owned(), release },
            None => Purpose::Jobs { app },
        }
    }
}

/// A function in the catalog it was found in.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) view: Rc<View>,
    pub(super) index: usize,
}

/// The connection a call is on.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) worker: usize,
    pub(super) connection: Connection,
    pub(super) sent_at: Instant,
    /// Whether the answer is being spun for.
    pub(super) spinning: bool,
}

impl Call {
    /// Forgets everything but the buffers.
    pub(super) fn reset(&mut self) {
        let mut frame = std::mem::take(&mut self.frame);
        let mut inbound = std::mem::take(&mut self.inbound);
        let mut order = std::mem::take(&mut self.order);
        let mut function = std::mem::take(&mut self.function);
        let mut affinity = std::mem::take(&mut self.affinity);
        for buffer in [&mut frame, &mut inbound, &mut affinity] {
            buffer.clear();
            buffer.shrink_to(BUFFER_KEPT_BYTES);
        }
        order.clear();
        function.clear();
        *self = Self { frame, inbound, order, function, affinity, ..Self::default() };
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Value | State::Failed(_))
    }

    /// What the catalog says about the function, when it knows it.
    pub(crate) fn known(&self) -> Option<&Function> {
        self.context.as_ref()?.function()
    }

    pub(crate) fn options(&self) -> Option<&Rc<Options>> {
        self.context.as_ref().map(|context| &context.options)
    }

    /// Whether it may be sent again when its fate is unknown.
    pub(super) fn is_idempotent(&self) -> bool {
        match self.errand() {
            Some(errand) => errand.repeatable,
            None => self.known().is_some_and(|function| function.idempotent),
        }
    }

    pub(super) fn errand(&self) -> Option<&Errand> {
        self.context.as_ref()?.errand.as_ref()
    }

    /// What an errand came to, once the state is `Value`.
    pub(crate) fn take_reply(&mut self) -> Option<JobReply> {
        self.reply.take()
    }

    /// The connection broke when the request was on its way, or after.
    pub(super) fn lost(&self, detail: &str, may_have_run: bool) -> CallError {
        match self.errand() {
            Some(errand) => CallError::errand_lost(detail, may_have_run, errand.stores),
            None => CallError::lost(detail, may_have_run),
        }
    }

    /// Its time is over, and the worker said nothing.
    pub(super) fn silent(&self) -> CallError {
        match self.errand() {
            Some(errand) => CallError::errand_silent(self.limit_ms, errand.stores),
            None => CallError::silent(&self.function, self.limit_ms),
        }
    }

    /// The encoded value, once the state is `Value`.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.inbound[self.body_start..]
    }

    /// What the function printed, when that was asked for.
    pub(crate) fn output(&self) -> &[u8] {
        let from = self.body_start.saturating_sub(self.output_bytes);
        self.inbound.get(from..self.body_start).unwrap_or_default()
    }

    pub(super) fn fail(&mut self, error: CallError) {
        let error = match &self.worker {
            Some(worker) => error.at(&**worker),
            None => error,
        };
        let named = !self.function.is_empty();
        self.state = State::Failed(if named { error.of(&self.function) } else { error });
    }
}
