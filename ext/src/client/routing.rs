//! Which release, with which settings, a call runs in.
//!
//! Where a board tells of changes, the routing is asked for after one and known otherwise, so a choice
//! costs a load. Afar nothing tells before an answer does: a call that is made alone goes to the
//! current release, and its answer pins the rest of the request; calls that may be in flight together
//! ask first.

use super::Client;
use super::app::Version;
use super::call::{Context, Stay};
use super::cluster::Cluster;
use super::connection::OpenError;
use super::error::CallError;
use super::options::{Options, Pin};
use super::table::CallId;
use protocol::{AppName, ControlReply, ControlRequest, ReleaseId, Routing};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::time::Instant;

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The caller waits for it.
    Alone,
    /// Others may be in flight meanwhile.
    Beside,
}

impl Client {
    /// Decides what the call runs in, as far as it can be decided before its key is known.
    pub(super) fn choose_version(
        &mut self,
        context: &mut Context,
        manner: Manner,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        self.clusters[context.cluster].look_at_boards();
        let acquainted = self.acquaint(context, deadline)?;
        if self.stays_pinned(context) {
            return Ok(());
        }
        let mode = self.mode(context);
        let cluster = &mut self.clusters[context.cluster];
        let watched = cluster.is_watched();
        let up_to_date = acquainted || cluster.is_up_to_date(context.app);
        let on_trial = cluster.apps[context.app].routing().canary.is_some();
        if mode != Pin::Request {
            if !up_to_date && (watched || cluster.apps[context.app].follows_doubts()) {
                self.ask_routing(context, deadline)?;
            }
            if mode != Pin::Off {
                self.try_out(context);
            }
        } else if up_to_date {
            self.pin_now(context);
        } else if watched || on_trial || manner == Manner::Beside {
            self.ask_routing(context, deadline)?;
            self.pin_now(context);
        } else {
            context.stay = Stay::Pins;
        }
        Ok(())
    }

    /// What is left to decide when the call is about to be sent.
    pub(super) fn settle_version(&mut self, id: CallId) {
        let Some(call) = self.call(id) else {
            return;
        };
        let Some(context) = &mut call.context else {
            return;
        };
        match context.stay {
            Stay::Trial { canary, request_key } => {
                let takes = match &*call.affinity {
                    [] => canary.takes(&request_key.to_le_bytes()),
                    key => canary.takes(key),
                };
                context.stay = if takes { Stay::Canary } else { Stay::Free };
                if takes {
                    context.version = Version::of(canary.release);
                }
            }
            // User code that encoding ran may have made calls.
            Stay::Pins => {
                self.stays_pinned(context);
            }
            Stay::Free | Stay::Canary | Stay::Pinned => {}
        }
    }

    /// The answer to the first call of the PHP request pins the others.
    pub(super) fn pin_to_answer(&mut self, id: CallId) {
        let Some(call) = self.call(id) else {
            return;
        };
        let Some(context) = call.context.as_mut().filter(|context| context.stay == Stay::Pins)
        else {
            return;
        };
        if !call.ran_in.release.is_any() {
            context.stay = Stay::Pinned;
            let name = self.clusters[context.cluster].apps[context.app].real_name();
            self.pins.remember(context.cluster, name, call.ran_in);
        }
    }

    /// Pins an application for the rest of the PHP request, for every call that does not choose for
    /// itself; the release.
    pub(super) fn pin_app(
        &mut self,
        options: &Rc<Options>,
        app: Option<AppName>,
    ) -> Result<ReleaseId, CallError> {
        let cluster = self.cluster(&options.fleet)?;
        let app = self.clusters[cluster].app(app.as_ref().unwrap_or(&options.app));
        let mut own = (**options).clone();
        own.pin = Pin::Request;
        let mut context = Context::new(Rc::new(own), cluster, app);
        let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
        self.choose_version(&mut context, Manner::Beside, deadline)?;
        let name = self.clusters[cluster].apps[app].real_name();
        self.pins.extend_to_all(cluster, name);
        Ok(context.version.release)
    }

    /// Lets every pin go, and with them the connections that kept their releases.
    pub(super) fn unpin(&mut self) {
        self.pins.clear();
        self.request_key = None;
        for cluster in &mut self.clusters {
            cluster.let_releases_go();
        }
    }

    fn mode(&self, context: &Context) -> Pin {
        let options = &context.options;
        let name = self.clusters[context.cluster].apps[context.app].real_name();
        if !options.pin_chosen && self.pins.is_for_all(context.cluster, name) {
            return Pin::Request;
        }
        options.pin
    }

    fn stays_pinned(&self, context: &mut Context) -> bool {
        if self.pins.is_empty() || self.mode(context) != Pin::Request {
            return false;
        }
        let name = self.clusters[context.cluster].apps[context.app].real_name();
        let Some(version) = self.pins.version(context.cluster, name) else {
            return false;
        };
        context.version = version;
        context.stay = Stay::Pinned;
        true
    }

    fn pin_now(&mut self, context: &mut Context) {
        let on_trial = self.routing(context).canary.is_some();
        let request_key = if on_trial { self.request_key() } else { 0 };
        let routing = self.routing(context);
        let release = routing.choose(&request_key.to_le_bytes());
        let chosen = Version { release, settings: routing.settings };
        let name = self.clusters[context.cluster].apps[context.app].real_name();
        context.version = self.pins.remember(context.cluster, name, chosen);
        context.stay = Stay::Pinned;
    }

    fn try_out(&mut self, context: &mut Context) {
        if let Some(canary) = self.routing(context).canary {
            context.stay = Stay::Trial { canary, request_key: self.request_key() };
        }
    }

    fn routing(&self, context: &Context) -> &Routing {
        self.clusters[context.cluster].apps[context.app].routing()
    }

    /// Random, and the same for all of a PHP request: by it the request is one of a canary's, or not.
    fn request_key(&mut self) -> u64 {
        *self.request_key.get_or_insert_with(|| {
            let mut hasher = RandomState::new().build_hasher();
            // A forked child inherits the state of its parent's randomness.
            hasher.write_u32(std::process::id());
            hasher.finish()
        })
    }

    /// Asks where new requests go: the first worker that answers decides. A worker has few control
    /// connections to give; a new connection for calls tells as well.
    fn ask_routing(
        &mut self,
        context: &Context,
        deadline: Option<Instant>,
    ) -> Result<(), CallError> {
        let cluster = &mut self.clusters[context.cluster];
        let app = cluster.apps[context.app].name.clone();
        let asked = cluster.ask_any(context, deadline, &ControlRequest::Routing { app });
        match asked {
            Some(ControlReply::Routing(routing)) if !routing.current.is_any() => {
                cluster.apps[context.app].route(routing, cluster.news);
                Ok(())
            }
            _ => self.connect_first(context, deadline),
        }
    }
}

impl Cluster {
    /// The answer of the first worker that gives one.
    pub(super) fn ask_any(
        &mut self,
        context: &Context,
        deadline: Option<Instant>,
        question: &ControlRequest,
    ) -> Option<ControlReply> {
        let mut order = Vec::new();
        self.order(&[], Instant::now(), &mut order);
        for worker in order {
            match self.ask(worker, &context.options, deadline, question) {
                Ok(reply) => return Some(reply),
                Err(OpenError::Unreachable(reason)) => {
                    self.failed(worker, &context.options, &reason);
                }
                Err(OpenError::Refused(_) | OpenError::Foreign(_) | OpenError::Fatal(_)) => {}
            }
        }
        None
    }

    /// Closes connections that keep releases, except those on trial: their share of the calls lasts.
    pub(super) fn let_releases_go(&mut self) {
        for app in &mut self.apps {
            app.forget_lacking();
        }
        let apps = &self.apps;
        let on_trial = |app: usize, release| {
            let canary = apps.get(app).and_then(|app| app.routing().canary);
            canary.is_some_and(|canary| canary.release == release)
        };
        for worker in &mut self.workers {
            worker.let_go(on_trial);
        }
    }
}
