//! From the name in a call to the catalog's entry and what the engine knows it by.

use protocol::{Catalog, FUNCTION_NAME_BYTES_MAX, Function};
use std::collections::HashMap;

/// Functions by name in lower case.
#[derive(Debug)]
pub(super) struct Functions<'a> {
    catalog: &'a Catalog,
    by_name: HashMap<String, Target>,
}

/// Names in lower case, as the engine's tables have them.
#[derive(Debug)]
pub(super) struct Target {
    /// In the catalog, and so in the scoreboard.
    pub(super) index: u32,
    pub(super) class: Option<String>,
    pub(super) function: String,
}

impl<'a> Functions<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        let entry = |(index, function): (usize, &Function)| {
            let name = function.name.to_ascii_lowercase();
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let (class, function) = match name.split_once("::") {
                Some((class, method)) => (Some(class.to_owned()), method.to_owned()),
                None => (None, name.clone()),
            };
            (name, Target { index, class, function })
        };
        Self { catalog, by_name: catalog.functions.iter().enumerate().map(entry).collect() }
    }

    /// The function called `name`, as PHP compares names.
    pub(super) fn find(&self, name: &str) -> Option<(&Target, &'a Function)> {
        let name = name.strip_prefix('\\').unwrap_or(name);
        let mut lower = [0; FUNCTION_NAME_BYTES_MAX];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let target = self.by_name.get(std::str::from_utf8(lower).ok()?)?;
        let index = usize::try_from(target.index).ok()?;
        Some((target, self.catalog.functions.get(index)?))
    }

    /// The name of the function at `index` in the catalog.
    pub(super) fn name(&self, index: usize) -> &'a str {
        self.catalog.functions.get(index).map_or("", |function| function.name.as_str())
    }

    pub(super) fn near(&self, name: &str) -> Vec<String> {
        self.catalog.near(name)
    }
}
