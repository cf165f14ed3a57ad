//! Keys of everything that runs: (app, release), and (app, release, pool).

use protocol::{AppName, ReleaseId};
use std::fmt;

/// A release of an application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReleaseKey {
    pub(super) app: AppName,
    pub(super) release: ReleaseId,
}

/// A pool of a release; `index` as in its Boot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolKey {
    pub(super) release: ReleaseKey,
    pub(super) index: u16,
}

impl fmt::Display for ReleaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.app, self.release)
    }
}
