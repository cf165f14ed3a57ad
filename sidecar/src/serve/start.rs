//! From configuration to serving, and back: the steps in their order.

use super::audit::Audit;
use super::cgroup::Cgroups;
use super::check::{Checked, check};
use super::connections::Connections;
use super::control::CONTROLS_MAX;
use super::directories::{Directories, default_listen};
use super::door::Door;
use super::event::{Event, Events, WAITING_MAX};
use super::http::Api;
use super::jobs::{Command, Foreman, Jobs, Order};
use super::listeners::refuse_taken;
use super::notify::notify;
use super::relay::pieces;
use super::reload::queues_of;
use super::restore::{Stored, recover};
use super::settings::Settings;
use super::supervisor::{Phase, Supervisor};
use super::unread::Room;
use super::ways::{Rules, Ways, anteroom};
use super::{Error, Options, descriptors, logging, signals, succession};
use crate::config::{self, Configuration, Deployment};
use protocol::{HEADER_BYTES, Membership};
use shm::Board;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// What new files of this process may be: nothing for others, before any is made.
const UMASK: u32 = 0o027;
/// Longest pause while an archive comes or an answer of the control API goes.
const CONTROL_STALLED_AFTER: Duration = Duration::from_secs(30);
/// Longest that answers about jobs are waited for, after the ledger is closed.
const TELL_WITHIN: Duration = Duration::from_secs(2);
/// How long threads may take then that wait for something.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// How long PHP may take to end when the worker stops, after the drain.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Serves until a signal ends it. Nothing is bound or started if the configuration is wrong.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Configuration { mut daemon, deployments } = config::load(options)?;
    if daemon.listen.is_empty() {
        daemon.listen.push(default_listen());
    }
    let checked = check(&daemon, options.config.as_deref())?;
    let Checked { account, users, peers, members, php_binary, gate, guard, trusted } = checked;
    refuse_taken(&daemon.listen)?;
    refuse_taken(daemon.control.named())?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(UMASK));
    let mut directories = Directories::prepare(&daemon, account, options.watched)?;
    let _logging = logging::start(&daemon.log)?;
    directories.warn_of_state_elsewhere();
    descriptors::raise(&mut daemon)?;
    let cgroups = Cgroups::prepare(&daemon.apps, account);
    let rules = Rules::complete(gate, guard, &daemon, &directories.state)?;
    let stored = recover(&directories.state)?;
    let ways = Ways::bind(&daemon, &directories, account, !users.is_empty(), rules)?;
    // While its folder can be written: the file may be that of a worker which had another user.
    let board = directories.create_board()?;
    if let Some(account) = account {
        account.switch(!users.is_empty()).map_err(|error| {
            Error::start("becoming the user of appserver.toml (\"user\")", error)
        })?;
    }
    let life = succession::succeed(&directories.state)?;
    let (jobs, orders) =
        Jobs::open(&directories.state, &daemon.jobs, daemon.limits.connections_max)?;
    let settings = Arc::new(Settings {
        peers,
        members,
        php_binary,
        written: config::load_daemon(options.config.as_deref())?,
        config_file: options.config.clone(),
        board: directories.board(),
        temp_dir: directories.temp(),
        trusted: Arc::new(trusted),
        state_dir: directories.state.clone(),
        life,
        inner_socket: (!users.is_empty()).then(|| directories.inner_socket()),
        users,
        cgroups,
        listeners: ways.addresses(),
        hello_timeout: Duration::from_millis(daemon.limits.hello_timeout_ms.into()),
        frame_timeout: Duration::from_millis(daemon.limits.frame_timeout_ms.into()),
        unread_timeout: Duration::from_millis(daemon.limits.unread_timeout_ms.into()),
        daemon,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::start("the runtime", error))?;
    let watched = if options.watched { options.apps.clone() } else { Vec::new() };
    let served = Served { deployments, watched, stored };
    let served = runtime.block_on(serve(settings, served, ways, board, (jobs, orders)));
    // What waits for a disk that does not come back is left behind.
    runtime.shutdown_timeout(LEAVE_WITHIN);
    served?;
    directories.keep_board();
    Ok(())
}

/// What there is to be served.
struct Served {
    deployments: Vec<Deployment>,
    /// Folders of those that are being edited.
    watched: Vec<PathBuf>,
    stored: Stored,
}

async fn serve(
    settings: Arc<Settings>,
    served: Served,
    mut ways: Ways,
    board: Board,
    (jobs, orders): (Jobs, UnboundedReceiver<Order>),
) -> Result<(), Error> {
    let (sender, mut events) = mpsc::channel(WAITING_MAX);
    signals::listen(&sender).map_err(|error| Error::start("signals", error))?;
    let mut supervisor = Supervisor::new(Arc::clone(&settings), sender, board, jobs.clone());
    supervisor.look_for_itself();
    let Served { deployments, watched, stored } = served;
    supervisor.restore(deployments, &watched, stored).await?;
    supervisor.run_while(Phase::Starting, &mut events).await;
    supervisor.require_one_running()?;
    let end = End { closing: CancellationToken::new(), closed: CancellationToken::new() };
    let socket_files = ways.take_files();
    if supervisor.phase == Phase::Serving {
        let (door, needs) = (supervisor.door(&end), ways.needs());
        jobs.spawn(Foreman::new(door.clone(), jobs.clone()).run(orders));
        let api = supervisor.api(&end, &ways.rules);
        ways.open(door, api).map_err(|error| Error::start("listening", error))?;
        supervisor.announce(needs);
        notify("READY=1");
    }
    ways.rules.keep();
    supervisor.run_while(Phase::Serving, &mut events).await;
    notify("STOPPING=1");
    end.closing.cancel();
    drop(socket_files);
    while matches!(supervisor.phase, Phase::Draining { .. }) {
        supervisor.run_while(supervisor.phase, &mut events).await;
    }
    jobs.send(Command::Ending);
    supervisor.stop_prototypes();
    let stopped = supervisor.run_until_stopped(&mut events);
    if tokio::time::timeout(STOP_WITHIN, stopped).await.is_err() {
        supervisor.kill_prototypes();
    }
    jobs.close().await;
    end.closed.cancel();
    // What the last commit took is told to those who asked for it.
    let _ = tokio::time::timeout(TELL_WITHIN, jobs.all_left()).await;
    Ok(())
}

/// How those who serve connections hear of the end.
struct End {
    /// Cancelled when it begins: nobody new comes in.
    closing: CancellationToken,
    /// Cancelled when nothing runs any more.
    closed: CancellationToken,
}

impl Supervisor {
    fn new(settings: Arc<Settings>, events: Events, board: Board, jobs: Jobs) -> Self {
        let limits = &settings.daemon.limits;
        let audit = Audit::new(&settings.state_dir);
        let queues = queues_of(&settings.daemon);
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
            own_addresses: BTreeSet::new(),
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
            stagings: 0,
            audit,
            jobs,
            queues,
            started: Instant::now(),
            accepted: 0,
            refused: 0,
            phase: Phase::Starting,
            looked: Instant::now(),
            looks: 0,
        }
    }

    /// What callers come in by.
    fn door(&self, end: &End) -> Door {
        let settings = &self.settings;
        let limits = &settings.daemon.limits;
        // The largest frame fits, whose header comes on top of frame_bytes_max.
        let memory =
            |bytes: u32| Arc::new(Semaphore::new(pieces(bytes as usize + HEADER_BYTES) as usize));
        Door {
            anteroom: anteroom(settings),
            settings: Arc::clone(settings),
            peers: Arc::new(settings.peers.clone()),
            events: self.events.clone(),
            closing: end.closing.clone(),
            closed: end.closed.clone(),
            controls: Arc::new(Semaphore::new(CONTROLS_MAX)),
            jobs: self.jobs.clone(),
            remote_memory: memory(limits.remote_bytes_max),
            job_memory: memory(limits.job_bytes_max),
            epoch: Arc::clone(&self.epoch),
        }
    }

    /// What whoever deploys comes in by.
    fn api(&self, end: &End, rules: &Rules) -> Api {
        Api {
            events: self.events.clone(),
            guard: Arc::clone(&rules.guard),
            incoming: self.settings.state_dir.join("incoming"),
            archive_bytes_max: self.settings.daemon.control.archive_bytes_max,
            stalled_after: CONTROL_STALLED_AFTER,
            closing: end.closing.clone(),
            closed: end.closed.clone(),
        }
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
