//! The versions that a PHP request's calls stay in.

use super::app::Version;
use protocol::AppName;

/// One version per application of a cluster.
#[derive(Debug, Default)]
pub(super) struct Pins {
    pins: Vec<Pin>,
    changes: u64,
}

#[derive(Debug)]
struct Pin {
    cluster: usize,
    /// As the worker calls it: "shop" and "the only application" may be one.
    app: AppName,
    version: Version,
    /// Set by `AppServer\pin()`: also for calls whose own mode is not "request".
    for_all: bool,
}

impl Pins {
    /// Another PHP request begins, or this one lets go.
    pub(super) fn clear(&mut self) {
        self.changes += 1;
        self.pins.clear();
    }

    /// How often they were changed: what was decided by them holds as long as this is the same.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The first to say where an application's calls run decides.
    pub(super) fn remember(&mut self, cluster: usize, app: &AppName, version: Version) -> Version {
        match self.find(cluster, app) {
            Some(pin) => pin.version,
            None => {
                self.changes += 1;
                self.pins.push(Pin { cluster, app: app.clone(), version, for_all: false });
                version
            }
        }
    }

    /// Another cluster takes this one's place.
    pub(super) fn forget(&mut self, cluster: usize) {
        self.changes += 1;
        self.pins.retain(|pin| pin.cluster != cluster);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pins.is_empty()
    }

    /// Whether an application of the cluster is pinned.
    pub(super) fn holds(&self, cluster: usize) -> bool {
        self.pins.iter().any(|pin| pin.cluster == cluster)
    }

    /// The pin now holds for every call that does not choose for itself.
    pub(super) fn extend_to_all(&mut self, cluster: usize, app: &AppName) {
        self.changes += 1;
        for pin in self.pins.iter_mut().filter(|pin| pin.cluster == cluster && pin.app == *app) {
            pin.for_all = true;
        }
    }

    /// The version to stay in.
    pub(super) fn version(&self, cluster: usize, app: &AppName) -> Option<Version> {
        self.find(cluster, app).map(|pin| pin.version)
    }

    pub(super) fn is_for_all(&self, cluster: usize, app: &AppName) -> bool {
        self.find(cluster, app).is_some_and(|pin| pin.for_all)
    }

    fn find(&self, cluster: usize, app: &AppName) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.cluster == cluster && pin.app == *app)
    }
}
