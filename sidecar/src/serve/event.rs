//! Everything the supervisor reacts to. Tasks only turn the outside into events; one loop handles
//! them, and it alone owns the state.

use super::asked::Asked;
use super::commit::{After, Waiting};
use super::connections::ConnectionId;
use super::dev::Taken;
use super::key::{PoolKey, ReleaseKey};
use super::members::Told;
use super::staging::{Staging, Then};
use super::store::{AppState, Kept};
use super::unread::Ended;
use crate::admin::{Activate, AdminError, Reply, Settings};
use crate::config::Deployment;
use protocol::{
    AppName, ControlReply, ControlRequest, FromExecutor, FromPrototype, Hello, Membership, Refused,
    Welcome,
};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitStatus;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Events waiting to be handled; senders wait when there are more.
pub(super) const WAITING_MAX: usize = 1024;

pub(super) type Events = mpsc::Sender<Event>;

#[derive(Debug)]
pub(super) enum Event {
    /// A peer said Hello.
    Hello(Greeting),
    /// Its Welcome is out: executors may read from it.
    Welcomed(ConnectionId),
    /// It went away before that.
    Abandoned(ConnectionId),
    /// A connection was turned away before its Hello was understood.
    Rejected {
        peer: String,
        reason: String,
    },
    Control {
        request: ControlRequest,
        reply: oneshot::Sender<ControlReply>,
    },
    /// A question of the control API.
    Admin(Waiting),
    /// Addresses in that list of workers that are this one's.
    FoundItself {
        list: Membership,
        own: BTreeSet<String>,
    },
    /// Something was done to jobs, or could not be.
    JobsChanged {
        asked: Box<Asked>,
        answer: Reply,
    },
    /// A thread has written an application's state, or says why not.
    Committed {
        state: AppState,
        result: io::Result<()>,
        asked: Asked,
        after: After,
    },
    /// A thread has unpacked a release, or says why not.
    Unpacked {
        app: AppName,
        result: Result<Kept, AdminError>,
        then: Then,
        asked: Asked,
    },
    /// The steps that prepare the ground for a release are done, or one failed.
    Provisioned {
        key: ReleaseKey,
        deployment: Box<Deployment>,
        staging: Staging,
        result: Result<Vec<String>, String>,
    },
    /// A folder that is being edited was changed, or cannot be read.
    FolderChanged(Result<Taken, String>),
    /// What became of such a change.
    SnapshotStarted {
        number: u64,
        reply: Reply,
    },
    /// What the other workers have.
    Told(Vec<Told>),
    /// An attempt to catch up with other workers has ended.
    CaughtUp {
        app: AppName,
        result: Result<(), String>,
    },
    Prototype {
        from: Incarnation,
        message: FromPrototype,
        descriptors: Vec<OwnedFd>,
    },
    PrototypeExited {
        from: Incarnation,
        status: Option<ExitStatus>,
    },
    Executor {
        from: ExecutorKey,
        message: FromExecutor,
        descriptors: Vec<OwnedFd>,
    },
    /// The rest of an answer that a peer left unread is out, or will never be.
    Unread {
        id: ConnectionId,
        ended: Ended,
    },
    /// An executor began a call while nobody watched its pool.
    Busy(PoolKey),
    /// A pause before another attempt to start something is over.
    Retry(Retry),
    Signal(Signal),
}

/// A Hello, and whom to tell what became of it.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) hello: Hello,
    /// For logs.
    pub(super) peer: String,
    /// The stream that executors are to read, if the Hello is for calls.
    pub(super) stream: OwnedFd,
    pub(super) verdict: oneshot::Sender<Verdict>,
}

/// What becomes of a Hello.
#[derive(Debug)]
pub(super) enum Verdict {
    Adopt {
        id: ConnectionId,
        welcome: Box<Welcome>,
    },
    Control {
        welcome: Box<Welcome>,
    },
    /// For jobs of that application.
    Jobs {
        app: AppName,
        welcome: Box<Welcome>,
        /// Among the connections for jobs, for as long as it is open.
        place: OwnedSemaphorePermit,
    },
    Refuse(Refused),
}

/// One life of a release's prototype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incarnation {
    pub(super) release: ReleaseKey,
    pub(super) number: u32,
}

/// One life of an executor: `index` is its cell, `serial` never used twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExecutorKey {
    pub(super) pool: PoolKey,
    pub(super) index: u16,
    pub(super) serial: u64,
}

#[derive(Debug)]
pub(super) enum Retry {
    Prototype(ReleaseKey),
    Pool(PoolKey),
    /// The time that a prototype has to start is over.
    Overdue(Incarnation),
    /// A release that is to start was ending.
    Start {
        app: AppName,
        number: u64,
        deployment: Box<Deployment>,
        staging: Staging,
    },
    /// Whether the executors of a release that is being staged are ready.
    Staged(ReleaseKey),
    /// Executors of a release that is to take over again were busy.
    Activation {
        app: AppName,
        body: Activate,
        asked: Asked,
        tries: u32,
    },
    /// A change of a folder could not be started.
    Snapshot,
    /// The time of a draining release may be over.
    Drained(ReleaseKey),
    /// A release that was to stop has had time for it.
    Overstayed(ReleaseKey),
    /// Settings that another worker has, and no release on trial.
    Adopt {
        app: AppName,
        settings: Settings,
        reply: oneshot::Sender<Reply>,
    },
    /// A release that another worker has is to run here, too; with its archive where it was not here.
    TakeOver {
        app: AppName,
        number: u64,
        archive: Option<PathBuf>,
        then: Then,
        reply: oneshot::Sender<Reply>,
    },
    /// Other workers may answer by now.
    AskMembers,
    /// Catching up has delayed the start for long enough.
    StartHeld(AppName),
    /// Nobody came for a preparation of before the start.
    Unprepare(AppName),
    /// Connections that nobody seemed to hold.
    Orphans {
        pool: PoolKey,
        suspects: Vec<ConnectionId>,
        tries: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Terminate,
    Reload,
}
