//! Proxies: PHP code with the names and signatures of a catalog's functions, which calls them.
//!
//! Everything here is a function of the catalog alone, so that the same release gives the same bytes.
//! Neither the release's name nor a place in its files is written: what did not change for callers
//! does not change here.

mod class;
mod comment;
mod expression;
mod file;
mod function;
mod package;
mod refusal;
mod selection;
#[cfg(test)]
mod tests;

pub(crate) use file::single;
pub(crate) use package::{CLASSES, Package, is_our_code, is_ours, package};
pub(crate) use selection::Selection;

/// The namespace of a name, and what is behind it.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('\\').unwrap_or(("", name))
}

/// A PHP string.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
