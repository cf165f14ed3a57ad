//! Which functions of the entry files are exported.

use protocol::Patterns;

/// What `export` in app.toml says.
#[derive(Debug)]
pub(super) struct Export(Patterns);

impl Export {
    pub(super) fn new(patterns: &[String]) -> Self {
        Self(Patterns::new(patterns))
    }

    /// No pattern at all exports everything.
    pub(super) fn includes(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.matches(name)
    }

    /// What to tell whoever deploys about patterns that match none of the entry files' functions.
    pub(super) fn warnings<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let warn = |pattern: &str| {
            format!(
                "export \"{pattern}\" matches no function of the entry files: `*` stands for any \
                 characters, and names begin with their namespace"
            )
        };
        self.0.idle(names).into_iter().map(warn).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_patterns_everything_is_exported() {
        let export = Export::new(&[]);
        assert!(export.includes("anything"));
        assert!(export.warnings(["anything"]).is_empty());
    }
}
