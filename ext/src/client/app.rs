//! An application as a cluster's clients name it, and where its calls go.

use super::call::Known;
use super::catalog::Views;
use protocol::{AppName, ReleaseId, Routing, Welcome};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long after answers made a client ask for the routing they may make it ask again: workers that
/// disagree for long must not cost a question a call.
const DOUBTS_EVERY: Duration = Duration::from_secs(1);

/// A release with a generation of its settings: what a call runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    /// `ANY` = the current one.
    pub(super) release: ReleaseId,
    /// 0 = the current one.
    pub(super) settings: u16,
}

impl Version {
    pub(super) fn of(release: ReleaseId) -> Self {
        Self { release, settings: 0 }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct App {
    /// As asked for: empty = the only one.
    pub(super) name: AppName,
    pub(super) views: Views,
    pub(super) executors_max: u16,
    routing: Routing,
    /// `Cluster::news` when the routing was learnt.
    news_seen: u64,
    /// Whether an answer came from elsewhere than the routing says.
    doubted: bool,
    doubts_followed_at: Option<Instant>,
    /// The release for whose catalog a worker was asked last.
    pub(super) catalog_wanted: ReleaseId,
    /// Workers that said that they do not have a release that the PHP request is pinned to.
    lacking: Vec<(usize, Version)>,
}

impl App {
    pub(super) fn new(name: AppName) -> Self {
        Self {
            name,
            views: Views::default(),
            executors_max: 0,
            routing: Routing::default(),
            news_seen: 0,
            doubted: false,
            doubts_followed_at: None,
            catalog_wanted: ReleaseId::ANY,
            lacking: Vec::new(),
        }
    }

    /// Its own name, once a worker has told it.
    pub(super) fn real_name(&self) -> &AppName {
        let view = self.views.near(self.routing.current);
        view.map_or(&self.name, |view| &view.catalog.app)
    }

    /// What the newest catalog says of a function.
    pub(super) fn known(&self, function: &str) -> Option<Known> {
        let view = self.views.near(self.routing.current)?;
        Some(Known { view: Rc::clone(view), index: view.find(function)? })
    }

    /// Where new requests go, as far as is known. All zero before a worker was asked.
    pub(super) fn routing(&self) -> &Routing {
        &self.routing
    }

    pub(super) fn is_known(&self) -> bool {
        !self.routing.current.is_any()
    }

    /// Whether boards have told of changes since the routing was learnt.
    pub(super) fn is_outdated(&self, news: u64) -> bool {
        self.news_seen != news
    }

    /// Whether answers gave reason to ask for the routing, and now is the time.
    pub(super) fn follows_doubts(&mut self) -> bool {
        if !self.doubted {
            return false;
        }
        let now = Instant::now();
        let due = self.doubts_followed_at.is_none_or(|at| now.duration_since(at) >= DOUBTS_EVERY);
        if due {
            self.doubts_followed_at = Some(now);
        }
        due
    }

    /// A worker said where requests go, when boards had told of `news` changes.
    pub(super) fn route(&mut self, routing: Routing, news: u64) {
        self.routing = routing;
        self.news_seen = news;
        self.doubted = false;
    }

    /// Takes in what a welcome tells of it, except where requests go.
    pub(super) fn welcomed(&mut self, welcome: &mut Welcome) {
        // A connection for jobs leads to no executors.
        if welcome.executors_max > 0 {
            self.executors_max = welcome.executors_max;
        }
        if let Some(catalog) = welcome.catalog.take() {
            self.views.learn(catalog, welcome.catalog_hash);
        }
    }

    /// An unpinned call ran in `version`. Where no board tells, that is how changes are seen.
    pub(super) fn ran_unpinned(&mut self, version: Version) {
        let known = Version { release: self.routing.current, settings: self.routing.settings };
        if !version.release.is_any() && version != known {
            self.routing.current = version.release;
            self.doubted = true;
        }
    }

    /// A worker does not have `version`.
    pub(super) fn lacks(&mut self, worker: usize, version: Version) {
        if !self.is_lacking(worker, version) {
            self.lacking.push((worker, version));
        }
    }

    pub(super) fn is_lacking(&self, worker: usize, version: Version) -> bool {
        self.lacking.contains(&(worker, version))
    }

    /// Another PHP request begins: workers may have caught up.
    pub(super) fn forget_lacking(&mut self) {
        self.lacking.clear();
    }
}
