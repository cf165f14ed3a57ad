//! From configuration to serving, and back: the steps in their order.

use super::app::App;
use super::audit::Audit;
use super::cgroup::Cgroups;
use super::check::{Checked, check};
use super::connections::Connections;
use super::control::CONTROLS_MAX;
use super::deployed::{Deployed, ReleaseState};
use super::directories::{Directories, default_listen, make_state, state_dir};
use super::door::Door;
use super::edge::Edge;
use super::event::{Event, Events, Signal, WAITING_MAX};
use super::gate::Gate;
use super::http::{Api, Guard};
use super::identity::Account;
use super::key::ReleaseKey;
use super::listeners::{Listeners, refuse_taken};
use super::notify::notify;
use super::peers::Peers;
use super::provision::provision;
use super::relay::PIECE_BYTES;
use super::settings::Settings;
use super::stage::trusted_keys;
use super::store::Store;
use super::supervisor::{Phase, Supervisor};
use super::unread::Room;
use super::{Error, Options, descriptors, integrity, logging};
use crate::config::daemon::Socket;
use crate::config::{self, Configuration, Daemon};
use net::Address;
use protocol::{AppName, Function, Membership};
use shm::Board;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// What new files of this process may be: nothing for others, before any is made.
const UMASK: u32 = 0o027;
/// Longest pause while an archive comes or an answer of the control API goes.
const CONTROL_STALLED_AFTER: Duration = Duration::from_secs(30);
/// How long PHP may take to end when the worker stops, after the drain.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Serves until a signal ends it. Nothing is bound or started if the configuration is wrong.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Configuration { mut daemon, deployments } = config::load(options)?;
    if daemon.listen.is_empty() {
        daemon.listen.push(default_listen());
    }
    let Checked { account, users, peers, members, php_binary, gate, guard } = check(&daemon)?;
    let trusted = trusted_keys(&daemon.deploy.trusted_keys, options.config.as_deref())
        .map_err(|error| config::ConfigError::new(format!("deploy.trusted_keys: {error}")))?;
    refuse_taken(&daemon.listen)?;
    refuse_taken(daemon.control.named())?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(UMASK));
    let mut directories = Directories::prepare(&daemon, account)?;
    let _logging = logging::start(&daemon.log)?;
    descriptors::raise(&mut daemon)?;
    let cgroups = Cgroups::prepare(&daemon.apps, account);
    let mut listeners = Listeners::bind(&daemon.listen, &daemon.socket, account)?;
    if !users.is_empty() {
        listeners.bind_inner(&directories.inner_socket(), account)?;
    }
    let control = bind_control(&daemon, &directories, account)?;
    let board = directories.create_board()?;
    let state_dir = state_dir(&daemon);
    make_state(&state_dir, account)?;
    let gate = Arc::new(gate.complete(&daemon, &state_dir)?);
    let guard = Arc::new(guard.complete(&daemon, &state_dir)?);
    if let Some(account) = account {
        account
            .switch(!users.is_empty())
            .map_err(|error| Error::start("becoming the configured user", error))?;
    }
    let settings = Arc::new(Settings {
        peers,
        members,
        php_binary,
        written: config::load_daemon(options.config.as_deref())?,
        config_file: options.config.clone(),
        board: directories.board(),
        temp_dir: directories.temp(),
        trusted: Arc::new(trusted),
        state_dir,
        inner_socket: (!users.is_empty()).then(|| directories.inner_socket()),
        users,
        cgroups,
        listeners: listeners.addresses.clone(),
        hello_timeout: Duration::from_millis(daemon.limits.hello_timeout_ms.into()),
        frame_timeout: Duration::from_millis(daemon.limits.frame_timeout_ms.into()),
        unread_timeout: Duration::from_millis(daemon.limits.unread_timeout_ms.into()),
        daemon,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::start("the runtime", error))?;
    let ways = Ways { listeners, gate: Arc::clone(&gate), control, guard: Arc::clone(&guard) };
    let watched = if options.watched { options.apps.clone() } else { Vec::new() };
    runtime.block_on(serve(settings, deployments, &watched, ways, board)).inspect_err(|_| {
        gate.forget();
        guard.forget();
    })?;
    directories.keep_board();
    Ok(())
}

/// The ways in, bound and with their rules.
struct Ways {
    /// For callers.
    listeners: Listeners,
    gate: Arc<Gate>,
    /// For whoever deploys.
    control: Listeners,
    guard: Arc<Guard>,
}

/// The control API's sockets: those of the configuration, or one in the worker's own folder.
fn bind_control(
    daemon: &Daemon,
    directories: &Directories,
    account: Option<Account>,
) -> Result<Listeners, Error> {
    let own = || vec![Address::Unix(directories.control())];
    let addresses = daemon.control.listen.clone().unwrap_or_else(own);
    let socket = Socket { mode: daemon.control.mode.clone(), group: daemon.control.group.clone() };
    Listeners::bind(&addresses, &socket, account)
}

async fn serve(
    settings: Arc<Settings>,
    deployments: Vec<config::Deployment>,
    watched: &[PathBuf],
    mut ways: Ways,
    board: Board,
) -> Result<(), Error> {
    let (sender, mut events) = mpsc::channel(WAITING_MAX);
    listen_for_signals(&sender).map_err(|error| Error::start("signals", error))?;
    let mut supervisor = Supervisor::new(Arc::clone(&settings), sender.clone(), board);
    for deployment in deployments {
        let is_watched =
            |folder: &PathBuf| folder.canonicalize().is_ok_and(|f| f == deployment.root);
        match watched.iter().any(is_watched) {
            true => supervisor.develop(deployment)?,
            false => supervisor.add_folder(deployment)?,
        }
    }
    supervisor.load_deployed()?;
    let told = settings.members.ask().await;
    supervisor.on_told(&told);
    supervisor.restore().await;
    if supervisor.releases.is_empty() && supervisor.apps.is_empty() && supervisor.dev.is_none() {
        tracing::warn!("there is no application yet: deploy one, or name its folder with --app");
    }
    supervisor.leave_start_phase();
    supervisor.run_while(Phase::Starting, &mut events).await;
    supervisor.require_one_running()?;
    let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
    let listeners = [&mut ways.listeners, &mut ways.control];
    let socket_files = listeners.map(|listeners| std::mem::take(&mut listeners.files));
    if supervisor.phase == Phase::Serving {
        let remote_pieces = settings.daemon.limits.remote_bytes_max as usize / PIECE_BYTES;
        let door = Door {
            handshakes: handshakes(&settings),
            settings: Arc::clone(&settings),
            peers: Arc::new(settings.peers.clone()),
            events: sender,
            closing: closing.clone(),
            closed: closed.clone(),
            controls: Arc::new(Semaphore::new(CONTROLS_MAX)),
            remote_memory: Arc::new(Semaphore::new(remote_pieces)),
            epoch: Arc::clone(&supervisor.epoch),
        };
        let api = Api {
            events: door.events.clone(),
            guard: Arc::clone(&ways.guard),
            incoming: state_dir(&settings.daemon).join("incoming"),
            archive_bytes_max: settings.daemon.control.archive_bytes_max,
            stalled_after: CONTROL_STALLED_AFTER,
            closing: closing.clone(),
            closed: closed.clone(),
        };
        let needs = [remote_needs(&ways.gate), control_needs(&ways)].concat();
        open(door, ways.gate, ways.listeners)
            .and_then(|()| api.open(ways.control.unix, ways.control.tcp))
            .map_err(|error| Error::start("listening", error))?;
        supervisor.announce(needs);
        notify("READY=1");
    }
    supervisor.run_while(Phase::Serving, &mut events).await;
    notify("STOPPING=1");
    closing.cancel();
    drop(socket_files);
    while matches!(supervisor.phase, Phase::Draining { .. }) {
        supervisor.run_while(supervisor.phase, &mut events).await;
    }
    supervisor.stop_prototypes();
    let stopped = supervisor.run_until_stopped(&mut events);
    if tokio::time::timeout(STOP_WITHIN, stopped).await.is_err() {
        supervisor.kill_prototypes();
    }
    closed.cancel();
    Ok(())
}

/// Accepts from now on.
fn open(door: Door, gate: Arc<Gate>, listeners: Listeners) -> std::io::Result<()> {
    // Strangers far away have permits of their own, so that they cannot keep this host's callers out.
    let remote = Door { handshakes: handshakes(&door.settings), ..door.clone() };
    for (listener, encrypted) in listeners.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let tls = gate.tls.clone().filter(|_| encrypted);
        let edge = Edge { door: remote.clone(), gate: Arc::clone(&gate), tls };
        tokio::spawn(edge.serve(listener));
    }
    if let Some(listener) = listeners.inner {
        let peers = Peers::only(door.settings.users.values().map(|user| user.uid));
        let inner = Door { peers: Arc::new(peers), ..door.clone() };
        tokio::spawn(inner.serve_unix(tokio::net::UnixListener::from_std(listener)?));
    }
    for (_, listener) in listeners.unix {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        tokio::spawn(door.clone().serve_unix(listener));
    }
    Ok(())
}

fn handshakes(settings: &Settings) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(settings.daemon.limits.handshakes_max as usize))
}

/// What remote callers must be given, where it was made here.
fn remote_needs(gate: &Gate) -> Vec<String> {
    let certificate = gate.tls.as_ref().and_then(|tls| tls.self_signed.as_ref());
    let certificate = certificate.map(|file| format!("the certificate {} (ca)", file.display()));
    let token = gate.token_made.as_ref().map(|file| format!("the token in {}", file.display()));
    let needs = certificate.into_iter().chain(token);
    needs.map(|need| format!("appserver: remote callers need {need}")).collect()
}

/// Where releases can be deployed to, and what that takes from elsewhere.
fn control_needs(ways: &Ways) -> Vec<String> {
    let token = ways.guard.token_made.as_ref();
    let token = token.map(|file| format!(", with the token in {}", file.display()));
    let addresses = &ways.control.addresses;
    let open = addresses.join(",") + &token.unwrap_or_default();
    addresses.first().map(|_| format!("appserver: deploys come in at {open}")).into_iter().collect()
}

fn listen_for_signals(events: &Events) -> std::io::Result<()> {
    let signals = [
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::interrupt(), Signal::Terminate),
        (SignalKind::quit(), Signal::Terminate),
        (SignalKind::hangup(), Signal::Reload),
    ];
    for (kind, meaning) in signals {
        let mut stream = signal(kind)?;
        let events = events.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let _ = events.send(Event::Signal(meaning)).await;
            }
        });
    }
    // They mean nothing here, and are no reason to end. Once asked for, a signal stays caught.
    for kind in [SignalKind::user_defined1(), SignalKind::user_defined2(), SignalKind::alarm()] {
        drop(signal(kind)?);
    }
    Ok(())
}

/// A function as people are told of it.
fn line_of(function: &Function) -> String {
    match function.by_ref_param() {
        Some(param) => {
            format!("  {} (not callable: ${} is by reference)", function.signature(), param.name)
        }
        None => format!("  {}", function.signature()),
    }
}

/// The extension for callers: its path where it is beside this program, else its name.
fn extension_file() -> String {
    let beside = std::env::current_exe().map(|program| program.with_file_name("appserver.so"));
    let beside = beside.ok().filter(|file| file.is_file());
    beside.map_or("appserver.so".to_owned(), |file| file.display().to_string())
}

impl Supervisor {
    fn new(settings: Arc<Settings>, events: Events, board: Board) -> Self {
        let limits = &settings.daemon.limits;
        let audit = Audit::new(&settings.state_dir);
        let connections = Connections::new(settings.daemon.fd_base, limits.connections_max);
        let workers = &settings.daemon.membership;
        let membership = Membership {
            epoch: workers.epoch,
            members: workers.workers.iter().map(Into::into).collect(),
        };
        Self {
            connections,
            unread_room: Room::new(limits.unread_bytes_max),
            epoch: Arc::new(AtomicU32::new(membership.epoch)),
            membership,
            settings,
            events,
            board,
            releases: BTreeMap::new(),
            apps: BTreeMap::new(),
            folders: BTreeMap::new(),
            dev: None,
            staging: BTreeSet::new(),
            committing: BTreeSet::new(),
            waiting: VecDeque::new(),
            members_answered: false,
            asking: false,
            retirements: 0,
            audit,
            started: Instant::now(),
            accepted: 0,
            refused: 0,
            phase: Phase::Starting,
            looked: Instant::now(),
            looks: 0,
        }
    }

    /// Notes a folder that is to be served, as release 0 of its application.
    fn add_folder(&mut self, deployment: config::Deployment) -> Result<(), Error> {
        let content = archive::identify(&deployment.root)
            .map_err(|error| Error::start(deployment.root.display(), error))?;
        let name = deployment.config.name.clone();
        let mut app = self.load_app(&name)?;
        app.folder = Some(content.release());
        app.route();
        self.apps.insert(name.clone(), app);
        self.folders.insert(name, deployment);
        Ok(())
    }

    /// Notes the applications that were deployed.
    fn load_deployed(&mut self) -> Result<(), Error> {
        let state_dir = self.settings.state_dir.clone();
        let deployed = match self.dev {
            // Whoever edits wants to see what is edited.
            Some(_) => Vec::new(),
            None => Store::applications(&state_dir)
                .map_err(|error| Error::start(state_dir.join("apps").display(), error))?,
        };
        for name in deployed {
            if !self.apps.contains_key(&name) {
                let app = self.load_app(&name)?;
                self.apps.insert(name, app);
            }
        }
        self.mend_releases(&state_dir)
    }

    /// After a restart of the machine: releases whose files were lost are unpacked again.
    fn mend_releases(&mut self, state_dir: &Path) -> Result<(), Error> {
        if self.apps.values().all(|app| app.kept.is_empty()) {
            return Ok(());
        }
        let same = integrity::is_same_boot(state_dir);
        if same.map_err(|error| Error::start(state_dir.display(), error))? {
            return Ok(());
        }
        let trusted = Arc::clone(&self.settings.trusted);
        for (name, app) in &mut self.apps {
            for kept in app.kept.values() {
                if let Err(error) = integrity::mend(&app.store, name, kept, &trusted) {
                    tracing::error!(app = %name, release = kept.number, "its files are lost: {error}");
                    app.failed.insert(kept.number, error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Starts the current release of every application, but of those that are behind.
    async fn restore(&mut self) {
        let current = self.apps.iter().filter(|(_, app)| app.behind.is_none());
        for name in current.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.start_app(&name).await;
            self.start_prepared(&name);
        }
    }

    fn load_app(&self, name: &AppName) -> Result<App, Error> {
        App::load(&self.settings.state_dir, name)
            .map_err(|error| Error::start(format!("the state of \"{name}\""), error))
    }

    async fn start_app(&mut self, name: &AppName) {
        let Some(app) = self.apps.get(name) else {
            return;
        };
        let number = app.state.current;
        let Some(release) = app.release(number) else {
            // Nothing was ever activated.
            return;
        };
        let key = ReleaseKey { app: name.clone(), release };
        match self.deployment_of(name, number) {
            Ok(deployment) => {
                if number != 0 {
                    tracing::info!(app = %name, release = number, id = %release,
                        instead_of_folder = app.folder.is_some(), "deployed release");
                }
                // Those that were deployed have been through this.
                let prepared = match number {
                    0 => provision(&key, &deployment, &self.settings).await.map(drop),
                    _ => Ok(()),
                };
                let deployed = Deployed::new(key.clone(), deployment, &self.settings);
                self.releases.insert(key.clone(), deployed);
                match prepared {
                    Ok(()) => self.start_prototype(&key),
                    // Not tried again: what a step left halfway is for a person to look at.
                    Err(error) => self.fail(&key, error.to_string()),
                }
            }
            Err(error) => {
                tracing::error!(app = %name, release = number, "cannot be served: {error}")
            }
        }
    }

    /// One broken application does not keep the others from serving; none at all is an error.
    fn require_one_running(&self) -> Result<(), Error> {
        let reasons: Vec<String> = self
            .releases
            .values()
            .filter_map(|deployed| match &deployed.state {
                ReleaseState::Failed(reason) => Some(format!("{}: {reason}", deployed.key.app)),
                ReleaseState::Starting | ReleaseState::Running => None,
            })
            .collect();
        if !reasons.is_empty() && reasons.len() == self.releases.len() {
            self.kill_prototypes();
            return Err(Error::Applications(reasons.join("; ")));
        }
        for reason in reasons {
            tracing::error!("application did not start: {reason}");
        }
        Ok(())
    }

    /// Says to people what is served where, and how to call it.
    fn announce(&self, remote: Vec<String>) {
        let mut lines = Vec::new();
        for deployed in self.releases.values() {
            let Some(published) = &deployed.published else {
                continue;
            };
            let functions = &published.catalog.functions;
            let count = match functions.len() {
                1 => "1 function".to_owned(),
                count => format!("{count} functions"),
            };
            lines.push(format!("appserver: {} serves {count}", deployed.key));
            lines.extend(functions.iter().take(20).map(line_of));
            if functions.len() > 20 {
                lines.push(format!("  … and {} more: appserver functions", functions.len() - 20));
            }
        }
        if self.releases.is_empty() && self.dev.is_none() {
            lines.push("appserver: there is no application yet; deploy one".to_owned());
        }
        let addresses = self.settings.listeners.join(",");
        let first = self.settings.listeners.first().map_or("", String::as_str);
        let extension = extension_file();
        lines.push(format!(
            "appserver: call them with php -d extension={extension} -d appserver.workers={first}"
        ));
        lines.extend(self.dev.iter().map(super::dev::Dev::line));
        lines.extend(remote);
        lines.push(format!("appserver: ready at {addresses}"));
        // That nobody reads it is no reason to stop.
        let _ = writeln!(std::io::stdout().lock(), "{}", lines.join("\n"));
    }

    async fn run_until_stopped(&mut self, events: &mut mpsc::Receiver<Event>) {
        while self.prototypes() > 0 {
            match events.recv().await {
                Some(event) => self.handle(event),
                None => return,
            }
        }
    }
}
