//! Where a value of the configuration comes from, for `config explain`.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Origin {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// By the dotted names of keys, sections included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    pub(super) fn new<'a>(
        file: &Path,
        lines: impl Iterator<Item = (&'a String, &'a usize)>,
    ) -> Self {
        let origin = |line: &usize| Origin { file: file.to_owned(), line: *line };
        Self(lines.map(|(name, line)| (name.clone(), origin(line))).collect())
    }

    /// Of the key itself, or of the table that it stands in: a value may be written as a table. The first
    /// `least` parts of the name say nothing by themselves.
    pub(crate) fn nearest(&self, name: &str, least: usize) -> Option<&Origin> {
        let mut name = name;
        loop {
            if let Some(origin) = self.0.get(name) {
                return Some(origin);
            }
            (name, _) = name.rsplit_once('.')?;
            if name.split('.').count() <= least {
                return None;
            }
        }
    }
}
