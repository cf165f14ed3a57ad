//! Which classes bytes may become objects of.

use ext_php_rs::zend::ClassEntry;

/// Decides which classes may be instantiated. Asked once per class and decoding.
pub trait ClassPolicy {
    /// Whether a class of this name may be loaded (which runs autoloaders) so that [`allows`] can
    /// decide. The name is as it was sent, without a leading backslash.
    ///
    /// [`allows`]: ClassPolicy::allows
    fn may_load(&self, name: &[u8]) -> bool {
        let _ = name;
        true
    }

    /// Whether objects of this class may be made.
    fn allows(&self, class: &ClassEntry) -> bool;
}

/// Classes of PHP itself whose objects are values: making one from bytes has no effect elsewhere.
/// Lower case, sorted.
const SAFE_CLASSES: &[&str] = &[
    "arrayiterator",
    "arrayobject",
    "bcmath\\number",
    "dateinterval",
    "dateperiod",
    "datetime",
    "datetimeimmutable",
    "datetimezone",
    "gmp",
    "random\\engine\\mt19937",
    "random\\engine\\pcgoneseq128xslrr64",
    "random\\engine\\xoshiro256starstar",
    "random\\randomizer",
    "recursivearrayiterator",
    "spldoublylinkedlist",
    "splfixedarray",
    "splobjectstorage",
    "splqueue",
    "splstack",
    "stdclass",
];

/// The usual policy: enums; classes that the application defines outside `vendor/`; value classes
/// and exceptions of PHP itself; and classes whose name matches a pattern.
#[derive(Clone, Debug, Default)]
pub struct AllowedClasses {
    patterns: Vec<String>,
}

impl AllowedClasses {
    /// `patterns` are class names in which `*` stands for any characters, as in `Money\*`. Case does
    /// not matter, nor a leading backslash.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        let normal = |pattern: S| pattern.as_ref().trim_start_matches('\\').to_ascii_lowercase();
        Self { patterns: patterns.into_iter().map(normal).collect() }
    }

    fn matches(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| glob(pattern.as_bytes(), name.as_bytes()))
    }
}

impl ClassPolicy for AllowedClasses {
    fn allows(&self, class: &ClassEntry) -> bool {
        let name = class.name().unwrap_or_default();
        class.flags().contains(ext_php_rs::flags::ClassFlags::Enum)
            || match source_file(class) {
                Some(file) => !in_vendor(&file),
                None => is_safe(class, name),
            }
            || self.matches(name)
    }
}

fn is_safe(class: &ClassEntry, name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SAFE_CLASSES.binary_search(&lower.as_str()).is_ok()
        || class.instance_of(ext_php_rs::zend::ce::throwable())
}

/// File that defines a class; `None` for a class of PHP or of an extension.
fn source_file(class: &ClassEntry) -> Option<Vec<u8>> {
    crate::engine::Class::new(std::ptr::from_ref(class).cast_mut()).source_file()
}

fn in_vendor(file: &[u8]) -> bool {
    const DIRECTORY: &[u8] = b"/vendor/";
    file.windows(DIRECTORY.len()).any(|part| part == DIRECTORY)
}

/// Whether `name` matches `pattern`, in which `*` stands for any bytes. Linear in practice: only the
/// last star is ever tried again.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at_pattern, mut at_name) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at_name < name.len() {
        if pattern.get(at_pattern) == Some(&b'*') {
            retry = Some((at_pattern, at_name));
            at_pattern += 1;
        } else if pattern.get(at_pattern) == Some(&name[at_name]) {
            at_pattern += 1;
            at_name += 1;
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            at_pattern = star + 1;
            at_name = from + 1;
        } else {
            return false;
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_classes_are_sorted_for_the_search() {
        assert!(SAFE_CLASSES.is_sorted());
    }

    #[test]
    fn stars_stand_for_any_characters() {
        assert!(glob(b"money\\*", b"money\\amount"));
        assert!(glob(b"*", b""));
        assert!(glob(b"a*b*c", b"a-b-b-c"));
        assert!(!glob(b"a*b*c", b"a-b-b"));
        assert!(!glob(b"money\\*", b"monetary"));
        assert!(glob(b"exact", b"exact"));
    }
}
