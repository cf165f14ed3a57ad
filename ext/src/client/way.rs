//! Which connections lead a call to its release.

use super::app::App;
use super::call::Context;
use super::connection::Connection;
use protocol::ReleaseId;

/// Which connections a call may leave on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One that leads to the current release.
    Current,
    /// One that was asked for with this release, or one that leads to the current release, which is
    /// this one as far as is known.
    Either(ReleaseId),
    /// One that was asked for with this release.
    Named(ReleaseId),
}

impl Way {
    /// The way of a call of `app`.
    pub(super) fn of(context: &Context, app: &App) -> Self {
        let release = context.version.release;
        if release.is_any() {
            Self::Current
        } else if release == app.routing().current && !context.by_name {
            Self::Either(release)
        } else {
            Self::Named(release)
        }
    }

    /// The release to ask for with a new connection.
    pub(super) fn release(self) -> ReleaseId {
        match self {
            Self::Current | Self::Either(_) => ReleaseId::ANY,
            Self::Named(release) => release,
        }
    }

    pub(super) fn is_way_of(self, connection: &Connection) -> bool {
        match self {
            Self::Current => connection.release.is_any(),
            Self::Either(release) => connection.release.is_any() || connection.release == release,
            Self::Named(release) => connection.release == release,
        }
    }
}
