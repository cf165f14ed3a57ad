//! PHP's types as text, compared: does one admit everything that another does?

use std::collections::BTreeSet;

/// Types that are no classes, in lower case.
const BUILTIN: [&str; 17] = [
    "array", "bool", "callable", "false", "float", "int", "iterable", "mixed", "never", "null",
    "object", "parent", "self", "static", "string", "true", "void",
];
/// Longest type that is looked into: PHP itself has no limit.
const TYPE_BYTES_MAX: usize = 16 * 1024;

/// A type as a union of intersections of names in lower case.
///
/// `?T` is `T|null`, `bool` is `true|false`, `iterable` is `array|Traversable`. How classes descend
/// from each other is not known, so a class is only ever itself, or an `object`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhpType(BTreeSet<BTreeSet<String>>);

impl PhpType {
    /// Reads a type as reflection prints it; `self` and `static` belong to `class`. `None` when it
    /// is no type.
    pub fn parse(text: &str, class: Option<&str>) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > TYPE_BYTES_MAX {
            return None;
        }
        if let Some(inner) = text.strip_prefix('?') {
            let alternatives = [alternative(inner, class)?, alternative("null", None)?];
            return Some(Self(alternatives.into_iter().flatten().collect()));
        }
        let alternatives = text.split('|').map(|part| alternative(part, class));
        Some(Self(alternatives.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()))
    }

    /// What a parameter or result without a type may be.
    pub fn mixed() -> Self {
        Self([name("mixed")].into())
    }

    /// Whether every value of `other` is one of this type.
    pub fn includes(&self, other: &Self) -> bool {
        other.0.iter().all(|narrow| self.0.iter().any(|wide| includes(wide, narrow)))
    }

    /// Whether a parameter of this type takes every argument that one of type `other` took: PHP
    /// makes a float of an int, in strict mode, too.
    pub fn takes(&self, other: &Self) -> bool {
        let float = |wide: &BTreeSet<String>| wide.contains("float");
        other.0.iter().all(|narrow| {
            self.0.iter().any(|wide| includes(wide, narrow))
                || narrow.contains("int") && self.0.iter().any(float)
        })
    }
}

/// Whether `name` is a word of the language and not a class.
pub fn is_builtin_type(name: &str) -> bool {
    BUILTIN.iter().any(|builtin| builtin.eq_ignore_ascii_case(name))
}

/// Whether `name` can be the name of a class, a function or a constant, with its namespace.
pub fn is_php_name(name: &str) -> bool {
    let start = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    name.split('\\')
        .all(|part| part.starts_with(start) && part.chars().all(|c| start(c) || c.is_ascii_digit()))
}

/// One part of a union, which may stand for several.
fn alternative(text: &str, class: Option<&str>) -> Option<Vec<BTreeSet<String>>> {
    let text = text.trim();
    let text = match text.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')')?,
        None => text,
    };
    let mut names = BTreeSet::new();
    for part in text.split('&') {
        let part = part.trim();
        let part = part.strip_prefix('\\').unwrap_or(part);
        if !is_php_name(part) {
            return None;
        }
        match (part.to_ascii_lowercase().as_str(), class) {
            ("self", Some(class)) => names.insert(class.to_ascii_lowercase()),
            ("static", Some(class)) => {
                names.insert(class.to_ascii_lowercase());
                names.insert("static".to_owned())
            }
            (lower, _) => names.insert(lower.to_owned()),
        };
    }
    let alone = if names.len() == 1 { names.first().map(String::as_str) } else { None };
    Some(match alone {
        Some("bool") => vec![name("false"), name("true")],
        Some("iterable") => vec![name("array"), name("traversable")],
        _ => vec![names],
    })
}

fn name(name: &str) -> BTreeSet<String> {
    [name.to_owned()].into()
}

/// Between two intersections: the one with fewer conditions is the wider.
fn includes(wide: &BTreeSet<String>, narrow: &BTreeSet<String>) -> bool {
    let is = |names: &BTreeSet<String>, word: &str| names.contains(word);
    is(wide, "mixed")
        || is(narrow, "never")
        || wide.is_subset(narrow)
        // A function that gives nothing back gives null to who asks.
        || is(wide, "null") && is(narrow, "void")
        || is(wide, "callable") && is(narrow, "closure")
        || is(wide, "object") && narrow.iter().any(|name| !is_builtin_type(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> PhpType {
        PhpType::parse(text, Some("Shop\\Cart")).unwrap_or_else(|| panic!("{text} is a type"))
    }

    #[track_caller]
    fn widens(narrow: &str, wide: &str) {
        assert!(ty(wide).includes(&ty(narrow)), "{narrow} is in {wide}");
        assert!(!ty(narrow).includes(&ty(wide)), "{wide} is not in {narrow}");
    }

    #[test]
    fn wider_types_include_narrower_ones_and_not_the_other_way_round() {
        for (narrow, wide) in [
            ("int", "?int"),
            ("int", "int|string"),
            ("?int", "string|int|null"),
            ("true", "bool"),
            ("bool|null", "mixed"),
            ("array", "iterable"),
            ("Traversable", "iterable|null"),
            ("Closure", "callable"),
            ("Shop\\Size", "object"),
            ("Countable&Iterator", "Iterator"),
            ("(Countable&Iterator)|null", "?Countable"),
            ("static", "self"),
            ("static", "object"),
            ("void", "?int"),
            ("never", "int"),
        ] {
            widens(narrow, wide);
        }
    }

    #[test]
    fn the_same_type_in_other_words_is_the_same() {
        for (one, other) in [
            ("?int", "null|int"),
            ("bool", "true|false"),
            ("iterable", "array|Traversable"),
            ("self", "shop\\cart"),
            ("\\Shop\\Size", "shop\\size"),
            ("A&B", "B&A"),
        ] {
            assert_eq!(ty(one), ty(other));
        }
    }

    #[test]
    fn a_class_is_in_no_other_class() {
        assert!(!ty("A").includes(&ty("B")) && !ty("B").includes(&ty("A")));
        assert!(!ty("object").includes(&ty("array")), "an array is no object");
    }

    #[test]
    fn ints_are_taken_where_floats_are_wanted_but_are_not_floats() {
        assert!(ty("float").takes(&ty("int")) && ty("?float").takes(&ty("int|null")));
        assert!(!ty("float").includes(&ty("int")) && !ty("int").takes(&ty("float")));
    }

    #[test]
    fn what_is_no_type_is_none() {
        for text in ["", "?", "int|", "(A&B", "1x", "a b", "A&", "int;", "A\\"] {
            assert_eq!(PhpType::parse(text, None), None, "{text}");
        }
    }
}
