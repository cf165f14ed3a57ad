//! Files that somebody is writing, by what the kernel tells: what they are to be is not there yet.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Most files that are remembered. One beyond is copied as it is, and again when it was closed.
const FILES_MAX: usize = 10_000;

/// Relative to the folder that is watched.
#[derive(Debug, Default)]
pub(super) struct Writers {
    at_work: HashSet<PathBuf>,
    /// Open for so long that nobody waits for them any more, e.g. a log.
    lasting: HashSet<PathBuf>,
}

impl Writers {
    /// A file was made, by somebody who is going to write it.
    pub(super) fn begins(&mut self, file: &Path) {
        self.lasting.remove(file);
        self.writes(file);
    }

    pub(super) fn writes(&mut self, file: &Path) {
        let remembered = self.at_work.len() + self.lasting.len();
        if remembered < FILES_MAX && !self.lasting.contains(file) {
            self.at_work.insert(file.to_owned());
        }
    }

    /// It was closed, or has another name or none.
    pub(super) fn ends(&mut self, file: &Path) {
        self.at_work.remove(file);
        self.lasting.remove(file);
    }

    /// Whether a copy that is made now could have half a file.
    pub(super) fn are_at_work(&self) -> bool {
        !self.at_work.is_empty()
    }

    /// Those who are at work will be for long.
    pub(super) fn last(&mut self) {
        self.lasting.extend(self.at_work.drain());
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
