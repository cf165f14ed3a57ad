//! What becomes of a Hello: adopted by a pool, answered as a control connection, or refused.

use super::app::App;
use super::connections::{ConnectionId, NoSlot};
use super::deployed::{Deployed, Published, ReleaseState};
use super::event::{Greeting, Verdict};
use super::handshake::refusal;
use super::key::ReleaseKey;
use super::pool::Pool;
use super::supervisor::{Phase, Supervisor};
use protocol::{
    AppName, BoardAt, DEFAULT_POOL, Hello, JOBS_POOL, Limits, Purpose, Refused, RefusedCode,
    ReleaseId, Routing, ToExecutor, Welcome, nearest,
};
use std::os::fd::AsFd;

impl Supervisor {
    pub(super) fn on_hello(&mut self, greeting: Greeting) {
        let Greeting { hello, peer, stream, verdict } = greeting;
        let decided = self.decide(&hello, &peer, stream.as_fd());
        match &decided {
            Verdict::Refuse(refused) => {
                self.refused += 1;
                tracing::info!(%peer, code = ?refused.code, "refused: {}", refused.message);
            }
            Verdict::Adopt { .. } | Verdict::Control { .. } | Verdict::Jobs { .. } => {
                self.accepted += 1
            }
        }
        if let Err(Verdict::Adopt { id, .. }) = verdict.send(decided) {
            self.close(id);
        }
    }

    /// The peer's Welcome is out: its connection is announced to the executors, then armed.
    pub(super) fn on_welcomed(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        let release = self.releases.get(&connection.pool.release);
        let Some(pool) = release.and_then(|r| r.pools.get(&connection.pool.index)) else {
            return self.close(id);
        };
        let hint = ToExecutor::Connection { slot: id.slot, generation: id.generation };
        pool.hint(&hint, connection.fd.as_fd());
        if let Err(error) = self.connections.arm(id, &pool.epoll) {
            tracing::error!(%error, "a connection cannot be handed to its pool");
            self.close(id);
        }
    }

    pub(super) fn on_rejected(&mut self, peer: &str, reason: &str) {
        self.refused += 1;
        tracing::warn!(%peer, "connection closed: {reason}");
    }

    fn admit_jobs(&self, app: &AppName, hello: &Hello) -> Result<Verdict, Refused> {
        let tag = self.jobs.tag().map_err(|reason| refusal(RefusedCode::NoJobStore, reason))?;
        let (deployed, pool) = self.find_pool(app, DEFAULT_POOL, ReleaseId::ANY)?;
        let mut welcome = self.welcome(hello, deployed, pool);
        welcome.ledger = Some(tag);
        let place = self.jobs.enter().map_err(|most| {
            let message = format!(
                "{most} connections for jobs are open, which is the most (limits.connections_max)"
            );
            refusal(RefusedCode::TooManyConnections, message)
        })?;
        Ok(Verdict::Jobs { app: deployed.key.app.clone(), welcome: Box::new(welcome), place })
    }

    fn decide(
        &mut self,
        hello: &Hello,
        peer: &str,
        stream: std::os::fd::BorrowedFd<'_>,
    ) -> Verdict {
        if !matches!(self.phase, Phase::Serving) {
            let message = "the worker is stopping; call another one";
            return Verdict::Refuse(refusal(RefusedCode::ShuttingDown, message));
        }
        match &hello.purpose {
            Purpose::Control => Verdict::Control { welcome: Box::new(self.control_welcome()) },
            Purpose::Jobs { app } => self.admit_jobs(app, hello).unwrap_or_else(Verdict::Refuse),
            Purpose::Calls { app, pool, release } => {
                if pool == JOBS_POOL {
                    self.make_room_for_jobs(app);
                }
                let wanted = self.find_pool(app, pool, *release);
                match wanted
                    .map(|(deployed, pool)| (pool.key.clone(), self.welcome(hello, deployed, pool)))
                {
                    Err(refused) => Verdict::Refuse(refused),
                    Ok((key, mut welcome)) => {
                        let pinned = !release.is_any();
                        match self.connections.reserve(stream, key, pinned, peer.to_owned()) {
                            Ok(id) => {
                                welcome.connection = id.to_u64();
                                Verdict::Adopt { id, welcome: Box::new(welcome) }
                            }
                            Err(fault) => Verdict::Refuse(self.no_slot(&fault)),
                        }
                    }
                }
            }
        }
    }

    fn no_slot(&self, fault: &NoSlot) -> Refused {
        let message = match fault {
            NoSlot::Full => format!(
                "{} connections are open, which is the most (limits.connections_max = {})",
                self.connections.open(),
                self.connections.max()
            ),
            NoSlot::Io(error) => format!("the connection cannot be kept: {error}"),
        };
        refusal(RefusedCode::TooManyConnections, message)
    }

    fn find_pool(
        &self,
        app: &AppName,
        pool: &str,
        release: ReleaseId,
    ) -> Result<(&Deployed, &Pool), Refused> {
        let app = self.find_app(app)?;
        if let Some(behind) = self.apps.get(app).and_then(App::refuses) {
            let message = format!("\"{app}\" takes no calls on this worker: {behind}");
            return Err(refusal(RefusedCode::NotReady, message));
        }
        let current = self.route_of(app).current;
        let release = if release.is_any() { current } else { release };
        if release.is_any() {
            let notice = self.route_of(app).notice;
            let why = if notice.is_empty() { notice } else { format!(": {notice}") };
            let message = format!("nothing of \"{app}\" has been activated yet{why}");
            return Err(refusal(RefusedCode::NotReady, message));
        }
        let key = ReleaseKey { app: app.clone(), release };
        let Some(deployed) = self.releases.get(&key) else {
            let message =
                format!("release {release} of \"{app}\" is not here; current is {current}");
            return Err(refusal(RefusedCode::ReleaseGone, message));
        };
        // While a prototype is being replaced its pools stay, and requests wait in them; one that
        // cannot be replaced serves nobody, and callers should go elsewhere.
        if deployed.published.is_none() || deployed.fails_to_start() {
            return Err(refusal(RefusedCode::NotReady, not_ready(app, &deployed.state)));
        }
        deployed.pool_named(pool).map(|pool| (deployed, pool)).ok_or_else(|| Refused {
            code: RefusedCode::UnknownPool,
            message: format!("\"{app}\" has no pool \"{pool}\""),
            near: nearest(pool, deployed.pools.values().map(|pool| pool.boot.name.as_str())),
        })
    }

    /// The application called `app`; the empty name means the only one.
    pub(super) fn find_app<'a>(&'a self, app: &'a AppName) -> Result<&'a AppName, Refused> {
        // One of which nothing was activated yet is nobody's only one, unless its callers are to be told
        // why.
        let says_why = |app: &App| app.refuses().is_some() || !app.notice.is_empty();
        let is_active = move |app: &App| !app.routing.current.is_any() || says_why(app);
        let active = || self.apps.iter().filter(move |(_, app)| is_active(app));
        let names = || active().map(|(name, _)| name.as_str());
        let mut only = active().map(|(name, _)| name);
        if let (true, Some(only), None) = (app.is_any(), only.next(), only.next()) {
            return Ok(only);
        }
        if app.is_any() {
            let message = match names().count() {
                0 => "this worker has no application yet: deploy one".to_owned(),
                count => format!(
                    "this worker has {count} applications; name one: app:function, or appserver.app"
                ),
            };
            let near = names().take(3).map(str::to_owned).collect();
            return Err(Refused { code: RefusedCode::UnknownApp, message, near });
        }
        if self.app(app).is_ok() {
            return Ok(app);
        }
        Err(Refused {
            code: RefusedCode::UnknownApp,
            message: format!("there is no application \"{app}\" on this worker"),
            near: nearest(app.as_str(), names()),
        })
    }

    /// Where new calls of an application that is here go.
    pub(super) fn route_of(&self, app: &AppName) -> Routing {
        self.apps.get(app).map(|known| known.routing.clone()).unwrap_or_default()
    }

    fn welcome(&self, hello: &Hello, deployed: &Deployed, pool: &Pool) -> Welcome {
        let mut welcome = self.control_welcome();
        welcome.app = deployed.key.app.clone();
        welcome.pool.clone_from(&pool.boot.name);
        welcome.release = deployed.key.release;
        welcome.routing = self.route_of(&deployed.key.app);
        welcome.executors_max = pool.limits.max;
        if let Some(Published { catalog, hash }) = &deployed.published {
            welcome.catalog_hash = *hash;
            welcome.catalog = (hello.catalog_hash != *hash).then(|| catalog.clone());
        }
        welcome
    }

    fn control_welcome(&self) -> Welcome {
        let daemon = &self.settings.daemon;
        Welcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            connection: 0,
            app: AppName::default(),
            pool: String::new(),
            release: ReleaseId::ANY,
            routing: Routing::default(),
            catalog_hash: 0,
            catalog: None,
            membership: self.membership.clone(),
            limits: Limits {
                frame_bytes_max: daemon.limits.frame_bytes_max,
                value_depth_max: daemon.limits.value_depth_max,
            },
            executors_max: 0,
            busy_poll_us: daemon.busy_poll_us,
            board: Some(BoardAt {
                path: self.settings.board.display().to_string(),
                generation: self.board.generation(),
            }),
            ledger: None,
        }
    }
}

fn not_ready(app: &AppName, state: &ReleaseState) -> String {
    match state {
        ReleaseState::Failed(reason) => format!("\"{app}\" did not start: {reason}"),
        ReleaseState::Starting | ReleaseState::Running => format!("\"{app}\" is starting"),
    }
}
