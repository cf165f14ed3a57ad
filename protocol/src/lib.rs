//! The wire protocol: what bytes mean, and nothing about how they travel.
//!
//! This crate performs no I/O, reads no clock and no randomness, and knows neither tokio nor PHP.
//! Everything in it is a pure function of its arguments.
#![forbid(unsafe_code)]

mod cache;
mod call;
mod canary;
mod catalog;
mod control;
mod diff;
mod failure;
mod frame;
mod handshake;
mod job;
mod name;
mod nearest;
mod pattern;
mod php_type;
mod process;
mod rendezvous;

pub use cache::{CacheOptions, CachePolicy, TagPart};
pub use call::CallHead;
pub use catalog::{Attribute, Catalog, Class, Constant, Function, Isolation, Param, Property};
pub use control::{
    AppStatus, ConnectionStats, ControlReply, ControlRequest, ExecutorStatus, FunctionStats,
    Lacking, PoolStatus, Replacements, StatusReport,
};
pub use diff::{Change, ChangeKind, diff};
pub use failure::{ExitCause, Failure, FatalKind, Thrown, TraceFrame, Wish};
pub use frame::{
    BadFrame, EncodeBody, FLAG_JOB, FLAG_JSON, FLAG_OUTPUT, FLAG_SAMPLED, HEADER_BYTES, Header,
    Kind, TraceContext, append_body, body_from_slice, body_to_vec, control_frame,
};
pub use handshake::{
    BoardAt, Canary, ClientInfo, Hello, Limits, Member, Membership, PREFACE, PREFACE_BYTES,
    Purpose, Refused, RefusedCode, Routing, Welcome, check_preface,
};
pub use job::{
    Accepted, Attempt, Backoff, BadOption, BatchReport, Cancellation, Followed, InvalidJobId,
    InvalidRate, JOBS_AT_ONCE_MAX, JobContext, JobCount, JobId, JobOptions, JobRefusal, JobReply,
    JobReport, JobRequest, JobState, JobTotals, JobsStatus, KeyLimit, LedgerStatus, Missed,
    NewBatch, NewJob, Outcome, Progress, QueueStatus, Rate, STEPS_AT_ONCE_MAX, STEPS_MAX, Schedule,
    Unique, UniqueMode, split_job,
};
pub use name::{AppName, InvalidName, ReleaseId, split_target};
pub use nearest::nearest;
pub use pattern::Patterns;
pub use php_type::{PhpType, is_builtin_type, is_php_name};
pub use process::{
    Boot, ClosedReason, Confidential, ExecutorExit, FromExecutor, FromPrototype, GENERATION_PINNED,
    LogLevel, PoolBoot, Report, ToExecutor, ToPrototype,
};
pub use rendezvous::{hash64, rank, score};

/// TCP port of a worker, where none is given.
pub const DEFAULT_PORT: u16 = 25887;
/// Largest frame body accepted where nothing else is configured, in bytes.
pub const FRAME_BYTES_MAX_DEFAULT: u32 = 64 * 1024 * 1024;
/// Largest body of a Hello, before the peer is known: it bounds what a stranger can make us buffer.
pub const HELLO_BYTES_MAX: u32 = 16 * 1024;
/// Longest function name on the wire, in bytes.
pub const FUNCTION_NAME_BYTES_MAX: usize = 1024;
/// Name of the pool every function belongs to unless an attribute says otherwise.
pub const DEFAULT_POOL: &str = "default";
/// Name of the pool that runs jobs, so that they take no executor from calls.
pub const JOBS_POOL: &str = "jobs";
/// Name of the pool of functions with `isolation = "resident"`.
pub const RESIDENT_POOL: &str = "resident";
