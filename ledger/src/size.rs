//! How much room a ledger takes.

/// Bytes of memory or disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Taken by entries and facts, with what surrounds them.
    pub live_bytes: u64,
    /// Of the file, with room that is free again.
    pub file_bytes: u64,
    /// Of the log beside it, which is not smaller when less is alive.
    pub log_bytes: u64,
}
