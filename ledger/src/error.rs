//! Why a ledger could not do what it was asked.

use std::path::PathBuf;
use thiserror::Error;

/// Can be cloned: one failed commit is told to everybody whose changes were in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot {doing}: no room left ({message}): free disk space, or raise the quota")]
    Full { doing: &'static str, message: String },
    #[error("cannot {doing}: {message}: look at the disk and at the kernel's log")]
    Io { doing: &'static str, message: String },
    /// The disk did not say that the changes are safe, nor could they be taken back. Nobody sees them
    /// now, and every further commit first tries to take them back. Should the process end before
    /// that works, then they may be there afterwards, all of them.
    #[error(
        "cannot {doing}: {message}: the changes are not acknowledged, and may reappear if the process \
         ends now; commits are refused until the disk works again"
    )]
    Unsettled { doing: &'static str, message: String },
    #[error("the ledger is damaged ({message}): stop, keep a copy of its files, and restore them")]
    Corrupt { message: String },
    #[error("{} is in use by another process: stop that one first", .path.display())]
    Locked { path: PathBuf },
    #[error(
        "somebody else has locked the ledger's file ({message}): close other programs that use it"
    )]
    Busy { message: String },
    #[error("the ledger has format {found}, this version reads up to {known}: install a newer one")]
    Newer { found: u32, known: u32 },
    #[error("{} is not a ledger: name another file, or move it away", .path.display())]
    Foreign { path: PathBuf },
    #[error("not enough memory to {doing}: give the process more")]
    Memory { doing: &'static str },
    /// The caller's mistake; nothing is wrong with the ledger.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// Changes that no ledger takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    #[error("sequence number {seq} is out of range")]
    Seq { seq: u64 },
    #[error("sequence number {seq} is not above {last_seq}, the last one")]
    NotAscending { seq: u64, last_seq: u64 },
    #[error("there is no entry {seq}")]
    NoEntry { seq: u64 },
    #[error("state {state} is out of range")]
    State { state: u8 },
    #[error("a {part} of {bytes} bytes exceeds the limit of {bytes_max}")]
    TooLarge { part: &'static str, bytes: usize, bytes_max: usize },
}

impl Error {
    /// This one, when it kept a failed commit from being taken back.
    pub(crate) fn unsettled(self, doing: &'static str) -> Self {
        match self {
            Self::Io { message, .. } | Self::Full { message, .. } => {
                Self::Unsettled { doing, message }
            }
            other => Self::Unsettled { doing, message: other.to_string() },
        }
    }

    /// Whether the same changes may be accepted later, without anybody changing them or the ledger:
    /// when there is room again, the disk works again, the other program is gone.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Full { .. }
            | Self::Io { .. }
            | Self::Unsettled { .. }
            | Self::Locked { .. }
            | Self::Busy { .. }
            | Self::Memory { .. } => true,
            Self::Corrupt { .. } | Self::Newer { .. } | Self::Foreign { .. } | Self::Misuse(_) => {
                false
            }
        }
    }
}
