//! What an archive contains so far, and whether one more entry may join.

use crate::fault::{Fault, Refusal};
use crate::limits::Limits;
use crate::{link, path};
use std::collections::HashMap;

#[derive(Debug)]
pub(crate) struct Inventory {
    limits: Limits,
    nodes: HashMap<String, Node>,
    /// From folded to real paths.
    folded: HashMap<String, String>,
    totals: Totals,
}

/// What there is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// Archives may leave folders out, or name them after what lies in them.
    Folder {
        named: bool,
    },
    File,
    Link {
        target: String,
    },
}

/// The size of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files, folders and links.
    pub entries: u64,
    pub links: u64,
    /// Of all files.
    pub bytes: u64,
}

impl Inventory {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            nodes: HashMap::new(),
            folded: HashMap::new(),
            totals: Totals::default(),
        }
    }

    /// Admits a folder; returns its checked path.
    pub(crate) fn folder<'a>(&mut self, raw: &'a [u8]) -> Result<&'a str, Refusal> {
        let path = path::check(raw, &self.limits)?;
        if let Some(Node::Folder { named: named @ false }) = self.nodes.get_mut(path) {
            *named = true;
            return Ok(path);
        }
        self.parents(path)?;
        self.add(path, Node::Folder { named: true })?;
        Ok(path)
    }

    /// Admits a file of `bytes` bytes.
    pub(crate) fn file<'a>(&mut self, raw: &'a [u8], bytes: u64) -> Result<&'a str, Refusal> {
        let path = path::check(raw, &self.limits)?;
        let max = self.limits.file_bytes_max;
        if bytes > max {
            return Err(Fault::FileTooLarge { bytes, max }.at(path));
        }
        self.totals.bytes = self.totals.bytes.saturating_add(bytes);
        if self.totals.bytes > self.limits.bytes_max {
            return Err(Fault::TooManyBytes { max: self.limits.bytes_max }.at(path));
        }
        self.parents(path)?;
        self.add(path, Node::File)?;
        Ok(path)
    }

    /// Admits a link; where it leads is seen when everything is there ([`Inventory::close`]).
    pub(crate) fn link<'a>(
        &mut self,
        raw: &'a [u8],
        target: &'a [u8],
    ) -> Result<(&'a str, &'a str), Refusal> {
        let path = path::check(raw, &self.limits)?;
        let target = link::check(target, &self.limits).map_err(|fault| fault.at(path))?;
        self.totals.links += 1;
        if self.totals.links > self.limits.links_max {
            return Err(Fault::TooManyLinks { max: self.limits.links_max }.at(path));
        }
        self.parents(path)?;
        self.add(path, Node::Link { target: target.to_owned() })?;
        Ok((path, target))
    }

    /// Nothing more comes: follows the links.
    pub(crate) fn close(self) -> Result<Totals, Refusal> {
        for (path, node) in &self.nodes {
            if let Node::Link { target } = node {
                link::follow(&self.nodes, path, target).map_err(|fault| fault.at(path))?;
            }
        }
        Ok(self.totals)
    }

    /// The folders around `path` exist from now on.
    fn parents(&mut self, path: &str) -> Result<(), Refusal> {
        let parent = path::parent(path);
        match self.nodes.get(parent) {
            _ if parent.is_empty() => Ok(()),
            Some(Node::Folder { .. }) => Ok(()),
            Some(_) => Err(Fault::ParentIsNoFolder { parent: parent.to_owned() }.at(path)),
            None => {
                self.parents(parent)?;
                self.add(parent, Node::Folder { named: false })
            }
        }
    }

    fn add(&mut self, path: &str, node: Node) -> Result<(), Refusal> {
        if self.nodes.contains_key(path) {
            return Err(Fault::Duplicate.at(path));
        }
        let folded = path::fold(path);
        if let Some(other) = self.folded.insert(folded, path.to_owned()) {
            return Err(Fault::Collides { other }.at(path));
        }
        self.nodes.insert(path.to_owned(), node);
        self.totals.entries += 1;
        if self.totals.entries > self.limits.entries_max {
            return Err(Fault::TooManyEntries { max: self.limits.entries_max }.at(path));
        }
        Ok(())
    }
}
