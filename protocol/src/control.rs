//! Questions to a supervisor on a control connection, and their answers.

use crate::{AppName, Catalog, Isolation, JobsStatus, Membership, ReleaseId, Routing};
use serde::{Deserialize, Serialize};

/// A question. Each gets exactly one reply with its request id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlRequest {
    Status,
    /// The catalog of an application; the empty name is the only one.
    Catalog {
        app: AppName,
    },
    /// Interrupt a call if it is still running. `connection` is from Welcome.
    Cancel {
        connection: u64,
        request_id: u64,
    },
    Membership,
    /// Where new requests of an application go; the empty name is the only one.
    Routing {
        app: AppName,
    },
    /// Results that clients on this host keep of an application's calls are to be used no more: those
    /// of a function, those with one of the tags, or all if neither is named. The empty name is the
    /// only application; any other is taken for one, here or on another worker.
    Invalidate {
        app: AppName,
        function: Option<String>,
        tags: Vec<String>,
    },
}

impl ControlRequest {
    /// Most tags that are invalidated at once.
    pub const TAGS_MAX: usize = 64;
    /// Longest tag, with its parameters filled in.
    pub const TAG_BYTES_MAX: usize = 512;
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ControlReply {
    Status(Box<StatusReport>),
    Catalog(Catalog),
    /// Whether the call was found running.
    Cancelled {
        found: bool,
    },
    Membership(Membership),
    Refused {
        message: String,
        near: Vec<String>,
    },
    Routing(Routing),
    /// It is done, also where something is lacking: callers of this host may have called it on another
    /// worker.
    Invalidated {
        lacking: Lacking,
        /// Names like the one that is lacking.
        near: Vec<String>,
        /// Of the worker's list of workers: all of the newest list are to be told.
        epoch: u32,
    },
}

/// What a worker does not have of what was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lacking {
    Nothing,
    App,
    /// No release that runs here has the function.
    Function,
}

/// Everything `appserver status` and `appserver top` show: counters only grow, so that a viewer
/// derives rates from two reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    pub version: String,
    pub pid: u32,
    pub uptime_ms: u64,
    pub rss_bytes: u64,
    pub listeners: Vec<String>,
    pub membership: Membership,
    pub connections: ConnectionStats,
    pub apps: Vec<AppStatus>,
    pub jobs: JobsStatus,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionStats {
    pub open: u32,
    pub max: u32,
    pub accepted: u64,
    pub refused: u64,
    /// Results that wait at the supervisor for callers to read them, and the memory they take.
    pub unread: u32,
    pub unread_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppStatus {
    pub app: AppName,
    pub release: ReleaseId,
    /// `starting`, `running`, `draining` or `failed: …`.
    pub state: String,
    pub root: String,
    pub prototype_pid: u32,
    pub pools: Vec<PoolStatus>,
    pub functions: Vec<FunctionStats>,
    /// What the release's start reported: files that could not be preloaded, and why.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolStatus {
    pub pool: String,
    pub isolation: Isolation,
    pub executors_min: u16,
    pub executors_max: u16,
    pub connections: u32,
    /// Executors that died while they ran a call, since start.
    pub died: u64,
    pub recycled: u64,
    pub replacements: Replacements,
    pub executors: Vec<ExecutorStatus>,
}

/// How long executors that ended unasked were missing: from when the supervisor knew of it until
/// their replacement waited for a call, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacements {
    pub count: u64,
    pub last_us: u64,
    pub max_us: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutorStatus {
    pub pid: u32,
    /// `starting`, `idle`, `reading`, `running`, `replying`.
    pub state: String,
    pub calls: u64,
    pub rss_bytes: u64,
    pub function: Option<String>,
    pub running_us: u64,
}

/// Counters of one function over all executors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionStats {
    pub function: String,
    pub calls: u64,
    pub errors: u64,
    pub total_us: u64,
    /// Bucket counts of `shm::histogram`.
    pub histogram: Vec<u64>,
}
