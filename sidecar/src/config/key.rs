//! One key of a configuration file, as the documentation shows it.

/// A row of a table of keys. `name` is dotted; `x[].y` is a key of each table in the array `x`, and
/// `x.*` allows any key in the table `x`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// As it would be written in the file; empty when there is none or it depends on the machine.
    pub(crate) default: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the documents and their tests"))]
    pub(crate) doc: &'static str,
}

/// Shorthand that keeps the tables readable as tables.
pub(super) const fn key(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, default, doc }
}
