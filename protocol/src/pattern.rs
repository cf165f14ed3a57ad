//! Patterns over names of functions and classes: `*` for any characters, `?` for one.

/// Patterns as they are written in settings. Case does not count, as in PHP's own names, nor a leading
/// backslash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    written: String,
    normal: Vec<u8>,
}

impl Patterns {
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self(patterns.into_iter().map(|pattern| Pattern::new(pattern.as_ref())).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any pattern matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.0.iter().any(|pattern| glob(&pattern.normal, name.as_bytes()))
    }

    /// Those, as written, that match none of `names`.
    pub fn idle<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<&str> {
        let names: Vec<String> = names.into_iter().map(str::to_ascii_lowercase).collect();
        let matches_none =
            |pattern: &&Pattern| !names.iter().any(|name| glob(&pattern.normal, name.as_bytes()));
        self.0.iter().filter(matches_none).map(|pattern| pattern.written.as_str()).collect()
    }
}

impl Pattern {
    fn new(written: &str) -> Self {
        let normal = written.trim_start_matches('\\').to_ascii_lowercase().into_bytes();
        Self { written: written.to_owned(), normal }
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
