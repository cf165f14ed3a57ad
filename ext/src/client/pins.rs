//! The releases that a PHP request's calls stay in.

use protocol::ReleaseId;

/// One release per application of a cluster: that which answered first.
#[derive(Debug, Default)]
pub(super) struct Pins(Vec<Pin>);

#[derive(Debug)]
struct Pin {
    cluster: usize,
    app: usize,
    release: ReleaseId,
}

impl Pins {
    /// Another PHP request begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// A call ran in `release`; the first such call decides.
    pub(super) fn remember(&mut self, cluster: usize, app: usize, release: ReleaseId) {
        if self.release(cluster, app).is_any() {
            self.0.push(Pin { cluster, app, release });
        }
    }

    /// Another cluster takes this one's place.
    pub(super) fn forget(&mut self, cluster: usize) {
        self.0.retain(|pin| pin.cluster != cluster);
    }

    /// Whether an application of the cluster is pinned.
    pub(super) fn holds(&self, cluster: usize) -> bool {
        self.0.iter().any(|pin| pin.cluster == cluster)
    }

    /// The release to stay in, or `ANY`.
    pub(super) fn release(&self, cluster: usize, app: usize) -> ReleaseId {
        let found = self.0.iter().find(|pin| pin.cluster == cluster && pin.app == app);
        found.map_or(ReleaseId::ANY, |pin| pin.release)
    }
}
