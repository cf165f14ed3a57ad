//! What is known about a call before anything of it is sent.

use super::Client;
use super::call::{Call, Context, Known};
use super::connection::{Connection, OpenError, connect_deadline};
use super::error::CallError;
use super::options::{Options, Pin};
use super::table::CallId;
use protocol::{
    AppName, CallHead, FUNCTION_NAME_BYTES_MAX, HEADER_BYTES, Purpose, ReleaseId, split_target,
};
use std::rc::Rc;
use std::time::{Duration, Instant};

impl Client {
    pub(super) fn prepare(
        &mut self,
        id: CallId,
        options: &Rc<Options>,
        target: &str,
    ) -> Result<(), CallError> {
        let (app, function) =
            split_target(target).map_err(|error| CallError::config(error.to_string()))?;
        check_name(function)?;
        self.prepare_function(id, options, app, function).map_err(|error| error.of(function))
    }

    fn prepare_function(
        &mut self,
        id: CallId,
        options: &Rc<Options>,
        app: Option<AppName>,
        function: &str,
    ) -> Result<(), CallError> {
        let cluster = self.cluster(&options.fleet)?;
        let app = self.clusters[cluster].app(app.as_ref().unwrap_or(&options.app));
        let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
        let release = self.release_for(options, cluster, app);
        let mut context = Context {
            options: Rc::clone(options),
            cluster,
            app,
            known: None,
            pool_told: None,
            release,
        };
        self.look_up(&mut context, function, deadline)?;
        self.request_id += 1;
        let request_id = self.request_id;
        match self.call(id) {
            Some(call) => fill_in(call, context, function, request_id),
            None => return Err(CallError::config("the call was released")),
        }
        Ok(())
    }

    fn release_for(&self, options: &Options, cluster: usize, app: usize) -> ReleaseId {
        match options.pin {
            Pin::Request => self.pins.release(cluster, app),
            Pin::Call | Pin::Off | Pin::Auto => ReleaseId::ANY,
        }
    }

    /// Finds the function in the catalog; fetches the catalog first when there is none yet, or when it
    /// may be old.
    fn look_up(
        &mut self,
        context: &mut Context,
        function: &str,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        let cluster = &mut self.clusters[context.cluster];
        for worker in 0..cluster.workers.len() {
            cluster.look_at_board(worker);
        }
        if cluster.wants_catalog(context.app) {
            self.fetch_catalog(context, deadline)?;
        }
        let cluster = &self.clusters[context.cluster];
        let Some(view) = &cluster.apps[context.app].view else {
            return Ok(());
        };
        if let Some(index) = view.find(function) {
            let found = &view.catalog.functions[index];
            if let Some(parameter) = found.by_ref_param() {
                return Err(CallError::by_reference(&found.name, &parameter.name));
            }
            context.known = Some(Known { view: Rc::clone(view), index });
            return Ok(());
        }
        // Without a board to tell of changes, what we know may be old: let the worker answer.
        let listed = || cluster.workers.iter().filter(|worker| worker.is_listed());
        if listed().all(|worker| worker.has_board()) {
            let near = view.catalog.near(function);
            return Err(CallError::unknown_function(function, view.catalog.app.as_str(), near));
        }
        Ok(())
    }

    /// Connects to the first worker that answers, for its welcome; the connection is kept.
    fn fetch_catalog(
        &mut self,
        context: &Context,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        let cluster = &mut self.clusters[context.cluster];
        let now = Instant::now();
        let mut order = Vec::new();
        cluster.order(&[], now, &mut order);
        let mut attempts = Vec::new();
        let mut refusal = None;
        for worker in order {
            let purpose = Purpose::Calls {
                app: cluster.apps[context.app].name.clone(),
                pool: context.pool().to_owned(),
                release: context.release,
            };
            let deadline = connect_deadline(&context.options, deadline);
            let hash = cluster.apps[context.app].hash;
            let address = &cluster.workers[worker].address;
            match Connection::open(address, &cluster.fleet, purpose, hash, deadline) {
                Ok((connection, welcome)) => {
                    cluster.workers[worker].open += 1;
                    cluster.welcomed(worker, Some(context.app), welcome);
                    cluster.has_catalog(context.app);
                    cluster.workers[worker].put_idle(context.app, connection);
                    return Ok(());
                }
                Err(OpenError::Unreachable(reason)) => {
                    let jitter = cluster.jitter();
                    let failing = &mut cluster.workers[worker];
                    failing.failed(Instant::now(), &context.options, jitter);
                    attempts.push(format!("{}: {reason}", failing.label));
                }
                Err(OpenError::Refused(refused)) => {
                    let error = CallError::refused(refused).at(&*cluster.workers[worker].label);
                    refusal.get_or_insert(error);
                }
                Err(OpenError::Fatal(error)) => {
                    return Err(error.at(&*cluster.workers[worker].label));
                }
            }
        }
        Err(refusal.unwrap_or_else(|| CallError::unreachable(&cluster.fleet.text, &attempts)))
    }
}

fn check_name(function: &str) -> Result<(), CallError> {
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
    let limit = match (own.map(u64::from).map(Duration::from_millis), call.options()) {
        (Some(own), Some(options)) => Some(options.timeout.map_or(own, |timeout| timeout.min(own))),
        (None, Some(options)) => options.timeout,
        (own, None) => own,
    };
    call.deadline = limit.map(|limit| Instant::now() + limit);
    call.limit_ms = limit.map_or(0, |limit| limit.as_millis());
}
