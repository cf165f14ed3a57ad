//! What is known about a call before anything of it is sent.

use super::Client;
use super::call::{Call, Context, Known, Stay};
use super::cluster::Cluster;
use super::connection::{Connection, OpenError, connect_deadline};
use super::error::CallError;
use super::options::Options;
use super::routing::Manner;
use super::table::CallId;
use super::way::Way;
use crate::deployed;
use protocol::{
    AppName, CallHead, ControlReply, ControlRequest, FUNCTION_NAME_BYTES_MAX, HEADER_BYTES,
    ReleaseId, split_target,
};
use std::rc::Rc;
use std::time::{Duration, Instant};

impl Client {
    pub(super) fn prepare(
        &mut self,
        id: CallId,
        options: &Rc<Options>,
        target: &str,
        manner: Manner,
    ) -> Result<(), CallError> {
        let (app, function) =
            split_target(target).map_err(|error| CallError::config(error.to_string()))?;
        check_name(function)?;
        self.prepare_function(id, options, app, function, manner)
            .map_err(|error| error.of(function))
    }

    fn prepare_function(
        &mut self,
        id: CallId,
        options: &Rc<Options>,
        app: Option<AppName>,
        function: &str,
        manner: Manner,
    ) -> Result<(), CallError> {
        let cluster = self.cluster(&options.fleet)?;
        let app = self.clusters[cluster].app(app.as_ref().unwrap_or(&options.app));
        let limit = shorter(options.timeout, deployed::time_left());
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut context = Context::new(Rc::clone(options), cluster, app);
        self.choose_version(&mut context, manner, deadline)?;
        self.look_up(&mut context, function, deadline)?;
        self.request_id += 1;
        let request_id = self.request_id;
        match self.call(id) {
            Some(call) => fill_in(call, context, function, request_id),
            None => return Err(CallError::config("the call was released")),
        }
        Ok(())
    }

    /// Finds the function in the catalog of the release that the call goes to, or in one near it: what
    /// is not certain is left to the worker to refuse.
    fn look_up(
        &mut self,
        context: &mut Context,
        function: &str,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        let cluster = &mut self.clusters[context.cluster];
        let (release, certain) = match context.stay {
            Stay::Pinned => (context.version.release, true),
            Stay::Free => {
                (cluster.apps[context.app].routing().current, cluster.is_up_to_date(context.app))
            }
            _ => (cluster.apps[context.app].routing().current, false),
        };
        cluster.want_catalog(context, release, deadline);
        let app = &cluster.apps[context.app];
        let certain = certain && app.views.of(release).is_some();
        let Some(view) = app.views.near(release) else {
            return Ok(());
        };
        match view.find(function) {
            Some(index) => {
                let found = &view.catalog.functions[index];
                if let Some(parameter) = found.by_ref_param().filter(|_| certain) {
                    return Err(CallError::by_reference(&found.name, &parameter.name));
                }
                context.known = Some(Known { view: Rc::clone(view), index });
                Ok(())
            }
            None if certain => {
                let near = view.catalog.near(function);
                let unknown =
                    CallError::unknown_function(function, view.catalog.app.as_str(), near);
                Err(unknown.noting(&app.routing().notice))
            }
            None => Ok(()),
        }
    }

    /// Connects when nothing is known about the application yet. True when that was so.
    pub(super) fn acquaint(
        &mut self,
        context: &Context,
        deadline: Option<Instant>,
    ) -> Result<bool, CallError> {
        if self.clusters[context.cluster].apps[context.app].is_known() {
            return Ok(false);
        }
        self.connect_first(context, deadline)?;
        Ok(true)
    }

    /// Connects to the first worker that answers, for its welcome; the connection is kept.
    pub(super) fn connect_first(
        &mut self,
        context: &Context,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        let cluster = &mut self.clusters[context.cluster];
        let mut order = Vec::new();
        cluster.order(&[], Instant::now(), &mut order);
        let mut attempts = Vec::new();
        let mut refusal = None;
        for worker in order {
            match cluster.connect_for_welcome(context, worker, deadline) {
                Ok(()) => return Ok(()),
                Err(OpenError::Unreachable(reason)) => {
                    let reason = cluster.failed(worker, &context.options, &reason);
                    attempts.push(reason);
                }
                Err(OpenError::Refused(refused)) => {
                    let error = CallError::refused(refused).at(&*cluster.workers[worker].label);
                    refusal.get_or_insert(error);
                }
                Err(OpenError::Foreign(error)) => {
                    cluster.failed(worker, &context.options, "");
                    refusal.get_or_insert(error.at(&*cluster.workers[worker].label));
                }
                Err(OpenError::Fatal(error)) => {
                    return Err(error.at(&*cluster.workers[worker].label));
                }
            }
        }
        Err(refusal.unwrap_or_else(|| CallError::unreachable(&cluster.fleet.text, &attempts)))
    }
}

impl Cluster {
    /// Asks for the current catalog when there is none of `release`; once, because a release that is
    /// not the current one any more cannot be had so. Failing is no error: the call goes without.
    fn want_catalog(&mut self, context: &Context, release: ReleaseId, deadline: Option<Instant>) {
        let app = &mut self.apps[context.app];
        if app.views.of(release).is_some() || app.catalog_wanted == release {
            return;
        }
        app.catalog_wanted = release;
        let question = ControlRequest::Catalog { app: app.name.clone() };
        if let Some(ControlReply::Catalog(catalog)) = self.ask_any(context, deadline, &question) {
            self.apps[context.app].views.learn(catalog, 0);
        }
    }

    fn connect_for_welcome(
        &mut self,
        context: &Context,
        worker: usize,
        deadline: Option<Instant>,
    ) -> Result<(), OpenError> {
        let app = &self.apps[context.app];
        let purpose = context.purpose(&app.name, ReleaseId::ANY);
        let hash = app.views.hash_near(app.routing().current);
        let deadline = connect_deadline(&context.options, deadline);
        let address = &self.workers[worker].address;
        let opened = Connection::open(address, &self.fleet, purpose, hash, deadline);
        let (connection, welcome) = opened?;
        // It takes the place of one like it, so that asking often does not add up.
        let (now, pool) = (Instant::now(), context.pool());
        match self.workers[worker].take_idle(context.app, pool, Way::Current, now) {
            Some(replaced) => drop(replaced),
            None => self.workers[worker].open += 1,
        }
        if context.errand.is_some() {
            self.workers[worker].ledger = welcome.ledger;
        }
        self.welcomed(worker, Some(context.app), welcome);
        self.workers[worker].put_idle(context.app, connection);
        Ok(())
    }
}

pub(super) fn check_name(function: &str) -> Result<(), CallError> {
    let fits = !function.is_empty() && function.len() <= FUNCTION_NAME_BYTES_MAX;
    if fits && !function.contains('\0') {
        return Ok(());
    }
    Err(CallError::config(format!(
        "\"{}\" is no function name; write \"function\", \"Class::method\" or \"app:function\"",
        function.escape_debug()
    )))
}

/// Begins the frame: room for the header, then the head; the arguments follow.
fn fill_in(call: &mut Call, context: Context, function: &str, request_id: u64) {
    call.frame.clear();
    call.frame.extend_from_slice(&[0; HEADER_BYTES]);
    CallHead { function }.put(&mut call.frame);
    call.function.clear();
    call.function.push_str(function);
    call.request_id = request_id;
    call.context = Some(context);
    let own = call.known().and_then(|known| known.timeout_ms);
    let own = own.map(u64::from).map(Duration::from_millis);
    let given = call.options().and_then(|options| options.timeout);
    // A function that calls another one has no use for its answer after its own time.
    let limit = shorter(shorter(own, given), deployed::time_left());
    call.deadline = limit.map(|limit| Instant::now() + limit);
    call.limit_ms = limit.map_or(0, |limit| limit.as_millis());
}

/// The shorter of two limits.
pub(super) fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    a.into_iter().chain(b).min()
}
