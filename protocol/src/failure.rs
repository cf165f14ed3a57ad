//! What a call can come back with instead of a value.

use crate::ReleaseId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a PHP request ended before its function returned, while the process lived on to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FatalKind {
    /// The function called `exit()` or `die()`.
    Exit,
    /// `memory_limit` was reached.
    Memory,
    /// Any other fatal error.
    Error,
}

/// How an executor's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitCause {
    Signal(i32),
    Status(i32),
}

/// Names of the signals that end processes most often.
const SIGNALS: [(i32, &str); 10] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (15, "SIGTERM"),
];

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Status(status) => write!(f, "exited with status {status}"),
            Self::Signal(signal) => {
                write!(f, "was ended by signal {signal}")?;
                let known = SIGNALS.iter().find(|(number, _)| *number == signal);
                known.map_or(Ok(()), |(_, name)| write!(f, " ({name})"))
            }
        }
    }
}

/// One frame of a remote trace; arguments are never sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceFrame {
    pub file: Option<String>,
    pub line: Option<u32>,
    pub class: Option<String>,
    /// `->` or `::` when `class` is there.
    pub arrow: Option<String>,
    pub function: String,
}

/// An exception or error that the function threw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thrown {
    pub class: String,
    /// PHP strings are bytes.
    pub message: Vec<u8>,
    pub code: i64,
    pub file: String,
    pub line: u32,
    pub trace: Vec<TraceFrame>,
    /// Further declared properties as one array in the value codec, keys as `get_mangled_object_vars()`
    /// gives them; empty when there are none or they could not be encoded.
    pub properties: Vec<u8>,
}

/// What an exception says is to become of the job that threw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// It is an `AppServer\Unrecoverable`: another attempt is of no use.
    GiveUp,
    /// It is an `AppServer\RetryAfter`.
    Retry {
        /// The back-off says, where this does not.
        after_ms: Option<u64>,
        /// Whether the attempt counts as a failure.
        counts: bool,
    },
}

/// Why a call has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The function threw: the exception, then its chain of previous ones.
    Thrown(Vec<Thrown>),
    /// The request ended without the function returning.
    Fatal {
        kind: FatalKind,
        message: Vec<u8>,
        file: String,
        line: u32,
    },
    /// The executor's process died; told by the supervisor.
    Died {
        cause: ExitCause,
        function: String,
        hint: String,
    },
    /// The deadline passed. `killed` says whether the executor had to be killed for it.
    TimedOut {
        limit_ms: u32,
        killed: bool,
    },
    /// The caller cancelled the call.
    Cancelled,
    UnknownFunction {
        function: String,
        near: Vec<String>,
    },
    /// The function cannot be called from afar, e.g. it has a by-reference parameter.
    NotCallable {
        function: String,
        reason: String,
    },
    /// The function belongs to another pool: nothing ran, call it there.
    WrongPool {
        pool: String,
    },
    /// The release that the call names is not the one that this connection leads to: nothing ran, call
    /// it over a connection whose Hello names that release.
    WrongRelease {
        current: ReleaseId,
    },
    /// An argument could not be decoded.
    BadArguments {
        path: String,
        reason: String,
    },
    /// The function returned something that cannot be sent.
    BadResult {
        path: String,
        reason: String,
    },
    /// The release that the call is pinned to, or that generation of its settings, is not here.
    ReleaseGone {
        release: ReleaseId,
    },
    /// The worker refused: overload, shutdown, or an internal error that the message describes.
    Unavailable {
        reason: String,
        ran: bool,
    },
    /// The request was not understood; the connection is closed after this.
    Protocol {
        reason: String,
    },
    /// The release of the pool was replaced while the call arrived: nothing ran, and the connection is
    /// on its way to the new release. Send the same call again on it.
    Moved,
    /// As `Thrown`, of an attempt at a job, and the exception says what is to become of that.
    JobThrown {
        chain: Vec<Thrown>,
        wish: Wish,
    },
}
