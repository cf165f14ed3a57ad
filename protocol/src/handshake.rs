//! Preface, Hello, Welcome, Refused: how a connection begins.
//!
//! The client sends [`PREFACE`] and one Hello frame, and waits. The supervisor reads exactly those
//! bytes and never one more, because what follows is for an executor.

use crate::{AppName, BadFrame, Catalog, ReleaseId};
use serde::{Deserialize, Serialize};

/// Size of the preface.
pub const PREFACE_BYTES: usize = 8;
/// Magic "APSV", protocol version as u16 little-endian, two zero bytes. Frozen for ever: a later
/// version changes the number and nothing else here.
pub const PREFACE: [u8; PREFACE_BYTES] = *b"APSV\x01\x00\x00\x00";

/// Checks the first bytes of a connection.
pub fn check_preface(bytes: [u8; PREFACE_BYTES]) -> Result<(), BadFrame> {
    if bytes[..4] != PREFACE[..4] {
        return Err(BadFrame::NotAppserver);
    }
    let theirs = u16::from_le_bytes([bytes[4], bytes[5]]);
    let ours = u16::from_le_bytes([PREFACE[4], PREFACE[5]]);
    if theirs != ours {
        return Err(BadFrame::Version { ours, theirs });
    }
    if bytes[6..] != PREFACE[6..] {
        return Err(BadFrame::ReservedNotZero);
    }
    Ok(())
}

/// What a connection is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Calls of functions of one pool: adopted by its executors. An empty `app` means the worker's
    /// only application. `release` is `ReleaseId::ANY` or the release the caller is pinned to.
    Calls { app: AppName, pool: String, release: ReleaseId },
    /// Questions to the supervisor.
    Control,
    /// Jobs of an application; an empty name means the worker's only one.
    Jobs { app: AppName },
}

/// Who is calling, for logs and `appserver status`; nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    pub pid: u32,
    pub sapi: String,
    pub version: String,
}

/// First frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub purpose: Purpose,
    pub client: ClientInfo,
    /// Hash of the catalog the client already has, 0 = none: an unchanged one is not sent again.
    pub catalog_hash: u64,
    /// Shared secret for TCP listeners that ask for one.
    pub token: Option<String>,
}

/// Limits the client should respect; the worker enforces them anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub frame_bytes_max: u32,
    pub value_depth_max: u32,
}

/// One worker of the membership list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `unix:/path` or `tcp:host:port` or `tls:host:port`, as clients reach it.
    pub address: String,
    /// Relative share of keys, 1 = normal, 0 = takes no new keys.
    pub weight: u16,
}

/// Who the workers are. A higher epoch replaces a lower one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// 0 = this worker was given no list; the client keeps its own.
    pub epoch: u32,
    pub members: Vec<Member>,
}

/// A release that takes a share of the calls on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    pub release: ReleaseId,
    /// As people count the releases of the application.
    pub number: u64,
    /// Its share of the requests, in ten-thousandths.
    pub basis_points: u16,
}

/// Which release new requests of an application go to. A higher `generation` from the same worker
/// replaces a lower one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    pub generation: u64,
    pub current: ReleaseId,
    /// As people count the releases of the application; 0 = a folder that was served without a deploy.
    pub number: u64,
    /// Generation of the application's settings; never 0.
    pub settings: u16,
    pub canary: Option<Canary>,
    /// What callers are told when a function is missing, e.g. that newer code does not load, and why;
    /// empty = nothing.
    pub notice: String,
}

/// Answer to a Hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version of the worker's software.
    pub version: String,
    /// Name of this connection on the worker: slot in the low, generation in the high 32 bits;
    /// needed to cancel a call over a control connection. 0 on a control connection.
    pub connection: u64,
    pub app: AppName,
    pub pool: String,
    pub release: ReleaseId,
    /// Of `app`; all zero on a control connection.
    pub routing: Routing,
    pub catalog_hash: u64,
    /// Absent when the client's `catalog_hash` was up to date.
    pub catalog: Option<Catalog>,
    pub membership: Membership,
    pub limits: Limits,
    /// Most executors this pool will ever have: the useful concurrency.
    pub executors_max: u16,
    /// How long an idle executor watches a connection before it sleeps, in microseconds.
    pub busy_poll_us: u32,
    /// For clients on the same host.
    pub board: Option<BoardAt>,
    /// Tag in the ids of the jobs that this worker keeps; only on a connection for jobs.
    pub ledger: Option<u16>,
}

/// The board of a worker, and how it stood when the routing beside it was written down: what was
/// published since is news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardAt {
    pub path: String,
    pub generation: u64,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusedCode {
    UnknownApp,
    UnknownPool,
    ReleaseGone,
    Denied,
    TooManyConnections,
    Protocol,
    /// The application has no running release (it failed to start, or is starting).
    NotReady,
    ShuttingDown,
    /// This worker keeps no jobs: they are switched off.
    NoJobStore,
}

/// Last frame of a refused connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub code: RefusedCode,
    /// What happened and what to do, for a person.
    pub message: String,
    /// Names close to one that was not found.
    pub near: Vec<String>,
}
