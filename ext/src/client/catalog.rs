//! What this client knows about an application: the catalog its last welcome brought.

use protocol::{AppName, Catalog};
use std::collections::HashMap;
use std::rc::Rc;

/// A catalog with an index by name.
#[derive(Debug)]
pub(super) struct View {
    pub(super) catalog: Catalog,
    /// By declared name, so that the usual spelling costs one lookup.
    exact: HashMap<String, usize>,
    /// By lower-case name: PHP's names do not differ by case.
    folded: HashMap<String, usize>,
}

impl View {
    pub(super) fn new(catalog: Catalog) -> Self {
        let names = || catalog.functions.iter().map(|function| &function.name).enumerate();
        let exact = names().map(|(index, name)| (name.clone(), index)).collect();
        let folded = names().map(|(index, name)| (name.to_ascii_lowercase(), index)).collect();
        Self { catalog, exact, folded }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let found = self.exact.get(name).or_else(|| self.folded.get(&name.to_ascii_lowercase()));
        found.copied()
    }
}

/// An application as a cluster's clients name it.
#[derive(Debug)]
pub(super) struct App {
    /// As asked for: empty = the only one.
    pub(super) name: AppName,
    pub(super) view: Option<Rc<View>>,
    /// Hash of the catalog in `view`; 0 = none.
    pub(super) hash: u64,
    pub(super) executors_max: u16,
    /// `Cluster::news` when the catalog was fetched last.
    pub(super) news_seen: u64,
}

impl App {
    pub(super) fn new(name: AppName) -> Self {
        Self { name, view: None, hash: 0, executors_max: 0, news_seen: 0 }
    }
}
