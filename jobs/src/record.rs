//! A job as the ledger keeps it: a head that the engine reads at each change, a body that never
//! changes, a tail with what happened.

use crate::clock::{Due, Pause};
use protocol::{
    AppName, Attempt, Backoff, JobId, KeyLimit, NewJob, Progress, Unique, body_from_slice,
    body_to_vec,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Attempts of which the tail tells; older ones are dropped.
const ATTEMPTS_KEPT: usize = 20;
/// Longest text that is kept of an attempt's error, in bytes.
const ERROR_BYTES_MAX: usize = 4 << 10;
/// Longest text of why a job is over, in bytes: it is part of the head.
pub(crate) const CAUSE_BYTES_MAX: usize = 1 << 10;
/// Longest message of how far a job has come, in bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// What the engine needs of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub app: AppName,
    pub function: String,
    /// Hash of the function's signature when the job was made.
    pub signature: u64,
    pub queue: String,
    pub made_ms: u64,
    pub salt: u32,
    pub due: Due,
    /// When its turn comes by the clock that orders jobs, which no jump changes.
    pub order_ms: u64,
    /// Of a job that has not begun.
    pub expires: Option<Pause>,
    pub priority: i8,
    pub attempts_max: u16,
    pub crashes_max: u16,
    /// Attempts begun; names the running one.
    pub attempt: u32,
    pub failures: u16,
    pub crashes: u16,
    pub backoff: Backoff,
    pub timeout_ms: Option<u32>,
    pub unique: Option<Unique>,
    pub group: Option<String>,
    pub limit: Option<KeyLimit>,
    pub tags: Vec<String>,
    pub idempotency_key: Option<String>,
    pub keep_ms: u64,
    pub batch: Option<JobId>,
    /// Of the running attempt, or the last one.
    pub began_ms: u64,
    /// Somebody cancelled it while it ran.
    pub cancelled: bool,
    /// When it was over.
    pub ended_ms: u64,
    /// Why it is dead or cancelled.
    pub cause: String,
    /// Of the body, for the limit of all bodies.
    pub body_bytes: u32,
}

/// What a job is to be called with, and what comes after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    #[serde(with = "serde_bytes")]
    pub arguments: Vec<u8>,
    /// Before the arguments: what the job before it in the chain returned.
    #[serde(with = "serde_bytes")]
    pub input: Option<Vec<u8>>,
    pub then: Vec<Step>,
}

/// A job that is to be made later, with the signature that its arguments were made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub job: NewJob,
    pub signature: u64,
}

/// What happened to a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    pub attempts: Vec<Attempt>,
    pub progress: Option<Progress>,
    #[serde(with = "serde_bytes")]
    pub result: Option<Vec<u8>>,
    /// The next step of its chain, which its end made.
    pub next: Option<JobId>,
}

/// An entry of the ledger that no version of this program wrote.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("job {seq} cannot be read: its {part} is damaged, or from a later version")]
pub struct Unreadable {
    pub seq: u64,
    pub part: &'static str,
}

impl Head {
    pub fn read(seq: u64, bytes: &[u8]) -> Result<Self, Unreadable> {
        body_from_slice("head", bytes).map_err(|_| Unreadable { seq, part: "head" })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        body_to_vec(self)
    }

    pub fn id(&self, tag: u16, seq: u64) -> JobId {
        JobId::new(self.made_ms, tag, self.salt, seq)
    }

    /// When it may run at the earliest, since 1970.
    pub fn due_ms(&self) -> u64 {
        match self.due {
            Due::Now => self.made_ms,
            Due::After(pause) => pause.ends_ms,
            Due::At(at) => at,
        }
    }
}

impl Body {
    pub fn read(seq: u64, bytes: &[u8]) -> Result<Self, Unreadable> {
        body_from_slice("body", bytes).map_err(|_| Unreadable { seq, part: "body" })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        body_to_vec(self)
    }
}

impl Tail {
    /// What cannot be read is history that is lost, and no reason not to run a job.
    pub fn read(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(|bytes| body_from_slice("tail", bytes).ok()).unwrap_or_default()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        body_to_vec(self)
    }

    pub(crate) fn note(&mut self, mut attempt: Attempt) {
        attempt.error = shortened(attempt.error, ERROR_BYTES_MAX);
        if self.attempts.len() >= ATTEMPTS_KEPT {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// At most so many bytes of a text, and whole characters.
pub(crate) fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - "…".len()));
        text.push('…');
    }
    text
}
