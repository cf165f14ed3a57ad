//! Which functions get a proxy, and what cannot.

use super::refusal::{self, Refusal};
use protocol::{Catalog, Class, Function, Patterns};
use std::collections::{BTreeMap, BTreeSet};

/// The part of a catalog that becomes code.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(super) functions: Vec<&'a Function>,
    pub(super) classes: Vec<(&'a Class, Vec<&'a Function>)>,
    /// What is missing or throws.
    pub(crate) refusals: Vec<Refusal>,
    /// Comments and attributes that are missing.
    pub(crate) left_out: Vec<String>,
    /// Classes that signatures name: callers need them.
    pub(crate) needed: BTreeSet<String>,
}

impl<'a> Selection<'a> {
    /// Those that a pattern of `only` names, or all without one, and no pattern of `except`.
    pub(crate) fn new(catalog: &'a Catalog, only: &Patterns, except: &Patterns) -> Self {
        let mut selection = Self {
            catalog,
            functions: Vec::new(),
            classes: Vec::new(),
            refusals: Vec::new(),
            left_out: Vec::new(),
            needed: BTreeSet::new(),
        };
        let mut methods: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
        for function in &catalog.functions {
            let wanted = only.is_empty() || only.matches(&function.name);
            // Whoever queues a job has its class.
            if function.job_class || !wanted || except.matches(&function.name) {
                continue;
            }
            match function.name.split_once("::") {
                Some((class, _)) => methods.entry(class).or_default().push(function),
                None => selection.function(function),
            }
        }
        for (name, methods) in methods {
            match catalog.classes.iter().find(|class| class.name == name) {
                Some(class) => selection.class(class, methods),
                // Its catalog would not be one of ours; told all the same.
                None => selection.refusals.push(Refusal {
                    what: format!("class {}", name.escape_debug()),
                    reason: "the worker does not describe it".to_owned(),
                    throws: false,
                }),
            }
        }
        let made = selection.classes.iter().map(|(class, _)| class.name.as_str());
        let made: BTreeSet<String> = made.map(str::to_ascii_lowercase).collect();
        selection.needed.retain(|name| !made.contains(&name.to_ascii_lowercase()));
        selection
    }

    /// Whether nothing at all was chosen.
    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.classes.is_empty() && self.refusals.is_empty()
    }

    fn function(&mut self, function: &'a Function) {
        if self.accepts(function) {
            self.functions.push(function);
        }
    }

    fn class(&mut self, class: &'a Class, methods: Vec<&'a Function>) {
        let refusal = refusal::of_class_text(class)
            .or_else(|| refusal::of_class(class, self.catalog.app.as_str()));
        if let Some(refusal) = refusal {
            return self.refusals.push(refusal);
        }
        let what = format!("class {}", class.name);
        self.left_out.extend(refusal::left_out(&what, class.doc.as_deref(), &class.attributes));
        let methods: Vec<_> = methods.into_iter().filter(|method| self.accepts(method)).collect();
        self.classes.push((class, methods));
    }

    /// Whether it can be written at all; what is to be said about it is noted.
    fn accepts(&mut self, function: &Function) -> bool {
        if let Some(refusal) = refusal::of_text(function) {
            self.refusals.push(refusal);
            return false;
        }
        self.refusals.extend(refusal::of_function(function));
        let what = format!("{}()", function.name);
        let doc = function.doc.as_deref();
        self.left_out.extend(refusal::left_out(&what, doc, &function.attributes));
        for param in &function.params {
            let what = format!("{what}, ${}", param.name);
            self.left_out.extend(refusal::left_out(&what, None, &param.attributes));
        }
        let classes = function.classes.iter().filter(|name| protocol::is_php_name(name));
        self.needed.extend(classes.cloned());
        true
    }
}
