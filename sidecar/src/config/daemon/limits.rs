//! `[limits]`: what connections and frames may take.

use protocol::FRAME_BYTES_MAX_DEFAULT;
use serde::{Deserialize, Serialize};

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) frame_bytes_max: u32,
    pub(crate) value_depth_max: u32,
    pub(crate) connections_max: u32,
    pub(crate) handshakes_max: u32,
    pub(crate) remote_bytes_max: u32,
    pub(crate) job_bytes_max: u32,
    pub(crate) hello_timeout_ms: u32,
    pub(crate) frame_timeout_ms: u32,
    pub(crate) unread_bytes_max: u32,
    pub(crate) unread_timeout_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX_DEFAULT,
            value_depth_max: 256,
            connections_max: 12_288,
            handshakes_max: 512,
            remote_bytes_max: 512 * 1024 * 1024,
            job_bytes_max: 256 * 1024 * 1024,
            hello_timeout_ms: 5_000,
            frame_timeout_ms: 5_000,
            unread_bytes_max: 256 * 1024 * 1024,
            unread_timeout_ms: 300_000,
        }
    }
}
