//! Which classes bytes may become objects of.

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::zend::ClassEntry;
use protocol::Patterns;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

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

    /// Why a class is refused and what to do about it, for the error's text; empty = nothing.
    fn advice(&self, class: &ClassEntry) -> String {
        let _ = class;
        String::new()
    }
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

/// The usual policy: classes and enums that the application defines outside `vendor/`; enums, value
/// classes and exceptions of PHP itself; and classes whose name matches a pattern.
///
/// Where a class is defined shows only once it is loaded: a name that could be one of the application
/// is autoloaded, and refused afterwards if its file is in `vendor/`.
#[derive(Clone, Debug, Default)]
pub struct AllowedClasses {
    /// Folder of the application, each with a slash at the end: as given, and without links.
    roots: Vec<Vec<u8>>,
    patterns: Patterns,
}

impl AllowedClasses {
    /// `patterns` are those of `protocol` over class names, as in `Money\*`.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self { roots: Vec::new(), patterns: Patterns::new(patterns) }
    }

    /// As [`Self::new`] for an application in the folder `root`: for its files only a `vendor` below
    /// that folder counts, so that the application may itself be below another one.
    pub fn rooted<S: AsRef<str>>(
        root: impl AsRef<Path>,
        patterns: impl IntoIterator<Item = S>,
    ) -> Self {
        let root = root.as_ref();
        // PHP knows files by their real paths.
        let real = root.canonicalize().ok();
        let with_slash = |folder: &Path| folder.join("").into_os_string().into_vec();
        let roots = real.iter().map(PathBuf::as_path).chain([root]).map(with_slash).collect();
        Self { roots, ..Self::new(patterns) }
    }

    fn is_in_vendor(&self, file: &[u8]) -> bool {
        let below = self.roots.iter().find_map(|root| file.strip_prefix(root.as_slice()));
        let folders = below.unwrap_or(file).split(|byte| *byte == b'/').rev().skip(1);
        folders.into_iter().any(|folder| folder == b"vendor")
    }
}

impl ClassPolicy for AllowedClasses {
    fn may_load(&self, name: &[u8]) -> bool {
        is_class_name(name)
    }

    fn allows(&self, class: &ClassEntry) -> bool {
        let name = class.name().unwrap_or_default();
        let usual = match source_file(class) {
            Some(file) => !self.is_in_vendor(&file),
            None => class.flags().contains(ClassFlags::Enum) || is_safe(class, name),
        };
        usual || self.patterns.matches(name)
    }

    /// An application's setting decides for arguments, the caller's for results.
    fn advice(&self, class: &ClassEntry) -> String {
        let reason = match source_file(class) {
            Some(_) => "it is defined in vendor/",
            None => "it is a class of PHP or of an extension",
        };
        let name = class.name().unwrap_or_default();
        let remedy = if self.roots.is_empty() {
            "add it to the caller's setting appserver.classes"
        } else {
            "add it to values.classes in the application's app.toml"
        };
        format!("{reason}; {remedy}, as '{}'", pattern_for(name))
    }
}

/// The pattern for the namespace of a class, or for the class where it has none.
fn pattern_for(name: &str) -> String {
    match name.rsplit_once('\\') {
        Some((namespace, _)) => format!("{namespace}\\*"),
        None => name.to_owned(),
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

/// Whether PHP code could declare a class of this name. Any other has no business with an
/// autoloader, which may make a path of it.
fn is_class_name(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'\\').all(|part| {
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80;
        part.first().is_some_and(is_letter)
            && part.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_classes_are_sorted_for_the_search() {
        assert!(SAFE_CLASSES.is_sorted());
    }

    #[test]
    fn names_that_no_class_can_have_are_not_loaded() {
        let policy = AllowedClasses::new(["*"]);
        for name in ["A", "_a1", "App\\Model\\User", "\u{e9}t\u{e9}"] {
            assert!(policy.may_load(name.as_bytes()), "{name}");
        }
        for name in ["", "\\A", "A\\", "A\\\\B", "1a", "a/../b", "a.php", "a\0b", "a-b", "a b"] {
            assert!(!policy.may_load(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn vendor_is_a_folder_below_the_root() {
        let policy = AllowedClasses::rooted("/nowhere/vendor/app", ["X"]);
        assert!(!policy.is_in_vendor(b"/nowhere/vendor/app/src/Order.php"));
        assert!(!policy.is_in_vendor(b"/nowhere/vendor/app/src/vendor"));
        assert!(!policy.is_in_vendor(b"/nowhere/vendor/app/src/vendors/Order.php"));
        assert!(policy.is_in_vendor(b"/nowhere/vendor/app/vendor/lib/Gadget.php"));
        assert!(policy.is_in_vendor(b"/nowhere/vendor/app/modules/a/vendor/lib/Gadget.php"));
        // Outside the application, and without a root, it is a folder anywhere.
        assert!(policy.is_in_vendor(b"/nowhere/vendor/app2/Gadget.php"));
        assert!(AllowedClasses::default().is_in_vendor(b"/nowhere/vendor/app/src/Order.php"));
    }
}
