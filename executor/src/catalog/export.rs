//! Which functions of the entry files are exported.

/// Glob patterns over names: `*` for any characters, `?` for one; case does not count.
#[derive(Debug)]
pub(super) struct Patterns(Vec<String>);

impl Patterns {
    pub(super) fn new(patterns: &[String]) -> Self {
        let normal = |p: &String| p.trim_start_matches('\\').to_ascii_lowercase();
        Self(patterns.iter().map(normal).collect())
    }

    /// No pattern at all matches everything.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.0.is_empty() || self.0.iter().any(|p| glob(p.as_bytes(), name.as_bytes()))
    }
}

/// Linear in practice: only the last star is ever tried again.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at_pattern, mut at_name) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at_name < name.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                retry = Some((at_pattern, at_name));
                at_pattern += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[at_name] => {
                at_pattern += 1;
                at_name += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                at_pattern = star + 1;
                at_name = from + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Patterns::new(&[pattern.to_owned()]).matches(name)
    }

    #[test]
    fn patterns_match_whole_names_without_regard_to_case() {
        assert!(matches("shop_*", "Shop_Quote"));
        assert!(matches("\\Shop\\*", "Shop\\quote"));
        assert!(matches("*::create", "Order::create"));
        assert!(matches("quote?", "quote1"));
        assert!(!matches("quote", "quotes"));
        assert!(!matches("shop_*", "workshop_x"));
    }

    #[test]
    fn without_patterns_everything_is_exported() {
        assert!(Patterns::new(&[]).matches("anything"));
    }
}
