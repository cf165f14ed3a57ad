//! Which requests a release on trial gets: by a hash of their key and nothing else, so that every
//! worker and every client decides alike, and a key stays where it is while the share grows.

use crate::rendezvous::share;
use crate::{Canary, ReleaseId, Routing};

impl Canary {
    /// Whether the request with this key is one of the canary's.
    pub fn takes(&self, key: &[u8]) -> bool {
        share(&self.release.0.to_le_bytes(), key) < u32::from(self.basis_points)
    }
}

impl Routing {
    /// The release that the request with this key runs in.
    pub fn choose(&self, key: &[u8]) -> ReleaseId {
        match self.canary {
            Some(canary) if canary.takes(key) => canary.release,
            _ => self.current,
        }
    }
}
