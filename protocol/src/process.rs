//! Messages between supervisor, prototype and executor: postcard in SOCK_SEQPACKET packets.
//!
//! What may be larger than a packet (Boot, the catalog) travels in a memfd instead.

use crate::{AppName, CacheOptions, Isolation, ReleaseId};
use serde::{Deserialize, Serialize};

/// Everything a prototype needs to start. Handed over as a memfd, fd 3; the control socket is fd 4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    pub app: AppName,
    pub release: ReleaseId,
    /// Real path of the release's folder.
    pub root: String,
    /// Entry files, relative to `root`.
    pub entry: Vec<String>,
    /// Required before the entry files, relative to `root`.
    pub bootstrap: Option<String>,
    /// Glob patterns of exported names; empty = every function of the entry files.
    pub export: Vec<String>,
    /// Classes that may be instantiated beyond the default; glob patterns.
    pub classes: Vec<String>,
    /// Isolation of functions that do not say.
    pub isolation: Isolation,
    /// ini entries in order.
    pub ini: Vec<(String, String)>,
    pub env: Vec<(String, String)>,
    pub temp_dir: String,
    pub umask: u32,
    /// Folders beside `root` and `temp_dir` in which PHP may open files; `None` = anywhere.
    pub open_basedir: Option<Vec<String>>,
    /// Folder of the generations of the application's settings, `<generation>.json`; empty = none.
    pub settings_dir: String,
    /// Named resources with their secrets, as the JSON that `appserver.so` takes.
    pub resources: Confidential,
    pub pools: Vec<PoolBoot>,
    /// What `app.toml` says of keeping results, by function as written there: it goes before the
    /// function's attribute, option by option.
    pub cache: Vec<(String, CacheOptions)>,
    pub frame_bytes_max: u32,
    pub value_depth_max: u32,
    /// Longest a started frame may take to arrive or to leave, in milliseconds.
    pub frame_timeout_ms: u32,
    pub busy_poll_us: u32,
    /// Connections are at fd `fd_base + slot`.
    pub fd_base: u32,
    pub connections_max: u32,
}

/// Text that logs and panics never show.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confidential(pub String);

impl std::fmt::Debug for Confidential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Confidential")
    }
}

/// A pool of executors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolBoot {
    pub name: String,
    pub isolation: Isolation,
    pub max_calls: u64,
    /// Longest a call of a function without `#[AppServer\Timeout]` may take, in milliseconds; 0 = as
    /// long as the caller allows. The earlier of this and the caller's budget is the deadline.
    pub timeout_ms: u32,
}

/// Supervisor to prototype.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToPrototype {
    /// Fork an executor for `pools[pool]` into scoreboard cell `index`. Carries four fds: the
    /// executor's control socket, the pool's epoll, its scoreboard (`cells` cells), and the eventfd
    /// that wakes a sleeping supervisor.
    Fork { pool: u16, index: u16, cells: u16 },
    /// End every executor and exit.
    Stop,
}

/// What starting a release found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub php_version: String,
    pub preloaded_files: u32,
    pub opcache: bool,
    /// E.g. `lib.php: not preloaded, it runs code at its top level (line 3)`.
    pub warnings: Vec<String>,
}

/// Prototype to supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromPrototype {
    /// Started. Carries one fd: a memfd with the postcard [`crate::Catalog`].
    Ready(Report),
    /// Did not start; exits after this. `message` is for the developer: PHP's error, file, line.
    Failed {
        message: String,
    },
    /// Carries one fd: the executor's pidfd.
    Forked {
        pool: u16,
        index: u16,
        pid: u32,
    },
    ForkFailed {
        pool: u16,
        index: u16,
        message: String,
    },
    /// A signal has stopped an executor. That it goes on again is not told.
    Stopped {
        pool: u16,
        index: u16,
        pid: u32,
    },
    Exited(ExecutorExit),
}

/// The end of an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorExit {
    pub pool: u16,
    pub index: u16,
    pub pid: u32,
    pub cause: crate::ExitCause,
}

/// Set in the generation of a connection whose Hello named a release: it stays with that release when
/// the application gets a new one.
pub const GENERATION_PINNED: u32 = 1;

/// Supervisor to executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToExecutor {
    /// Carries one fd: the connection in `slot`. Sent unasked as a hint, and in answer to `Need`.
    Connection { slot: u32, generation: u32 },
    /// In answer to `Need`: that connection is gone.
    Gone { slot: u32, generation: u32 },
    /// In answer to `Unread`: the rest will be written, and the connection armed again after it.
    Taken { slot: u32, generation: u32 },
    /// In answer to `Unread`: there is no room for it, and the executor goes on by itself.
    Full { slot: u32, generation: u32 },
}

/// Executor to supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromExecutor {
    /// Epoll named a connection this executor does not hold; it waits for the answer.
    Need { slot: u32, generation: u32 },
    /// The connection is finished with; the supervisor removes it.
    Closed { slot: u32, generation: u32, reason: ClosedReason },
    /// Its peer does not read its answer, of which one fd carries the rest: a memfd. The executor
    /// waits for the answer.
    Unread { slot: u32, generation: u32 },
    /// Something a call printed or PHP logged; best effort, cut to 8 KiB.
    Log { request_id: u64, function: String, level: LogLevel, text: String },
    /// The executor is about to exit on its own: recycled, or a request could not be cleaned up.
    Leaving { reason: String },
    /// The pool is retired, for the `retirement`th time: the executor does not touch the connection any
    /// more, and the supervisor may put it where it belongs.
    Released { slot: u32, generation: u32, retirement: u32 },
}

/// Why an executor gave a connection up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosedReason {
    HungUp,
    /// A bad frame, a frame that took too long, a peer that does not read: worth a line in the log.
    Fault(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    Output,
    Notice,
    Warning,
    Error,
}
