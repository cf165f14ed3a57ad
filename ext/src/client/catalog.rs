//! What this client knows of releases: their catalogs, the last few.

use protocol::{Catalog, ReleaseId};
use std::collections::HashMap;
use std::rc::Rc;

/// Most releases of an application whose catalogs are kept: the current one, the one before that a
/// request may be pinned to, a canary.
const VIEWS_MAX: usize = 4;

/// A catalog with an index by name.
#[derive(Debug)]
pub(super) struct View {
    pub(super) catalog: Catalog,
    /// The worker's hash of it; 0 = not told.
    hash: u64,
    /// By declared name, so that the usual spelling costs one lookup.
    exact: HashMap<String, usize>,
    /// By lower-case name: PHP's names do not differ by case.
    folded: HashMap<String, usize>,
}

impl View {
    fn new(catalog: Catalog, hash: u64) -> Self {
        let names = || catalog.functions.iter().map(|function| &function.name).enumerate();
        let exact = names().map(|(index, name)| (name.clone(), index)).collect();
        let folded = names().map(|(index, name)| (name.to_ascii_lowercase(), index)).collect();
        Self { catalog, hash, exact, folded }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let found = self.exact.get(name).or_else(|| self.folded.get(&name.to_ascii_lowercase()));
        found.copied()
    }
}

/// Views of an application's releases, the one learnt last first.
#[derive(Debug, Default)]
pub(super) struct Views(Vec<Rc<View>>);

impl Views {
    pub(super) fn learn(&mut self, catalog: Catalog, hash: u64) {
        self.0.retain(|view| view.catalog.release != catalog.release);
        self.0.insert(0, Rc::new(View::new(catalog, hash)));
        self.0.truncate(VIEWS_MAX);
    }

    /// The view of `release`.
    pub(super) fn of(&self, release: ReleaseId) -> Option<&Rc<View>> {
        self.0.iter().find(|view| view.catalog.release == release)
    }

    /// The view of `release`, or the one learnt last: good for a guess.
    pub(super) fn near(&self, release: ReleaseId) -> Option<&Rc<View>> {
        self.of(release).or_else(|| self.0.first())
    }

    /// Hash of the catalog that a worker need not send again; 0 = none.
    pub(super) fn hash_near(&self, release: ReleaseId) -> u64 {
        self.near(release).map_or(0, |view| view.hash)
    }
}
