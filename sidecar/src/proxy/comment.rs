//! Doc comments: kept as they are, and asked for the type of the result.

use protocol::Function;

/// The comment, if it is one and no more than that.
pub(super) fn checked(doc: Option<&str>) -> Option<&str> {
    let doc = doc?;
    let inner = doc.strip_prefix("/**")?.strip_suffix("*/")?;
    (!inner.contains("*/")).then_some(doc)
}

/// The result's type for static analysers: that of the most precise tag, in which a type may have
/// blanks between brackets.
pub(super) fn result_type(function: &Function) -> Option<&str> {
    let doc = checked(function.doc.as_deref())?;
    ["@phpstan-return", "@psalm-return", "@return"].iter().find_map(|tag| {
        let (_, rest) = doc.split_once(tag).filter(|(_, rest)| rest.starts_with([' ', '\t']))?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let ty = &rest[..length(rest)];
        // A condition speaks of parameters, and has a meaning in this tag alone.
        let ty = ty.strip_suffix("*/").unwrap_or(ty);
        (!ty.is_empty() && !ty.contains(" is ")).then_some(ty)
    })
}

/// Bytes of the type that `text` begins with, which is on one line.
fn length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n' | '\r') => return if depth == 0 { at } else { 0 },
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '<' | '(' | '[' | '{') => depth += 1,
            (None, '>' | ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ' ' | '\t') if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(doc: &str) -> Option<String> {
        let function = Function { doc: Some(doc.to_owned()), ..Function::default() };
        result_type(&function).map(str::to_owned)
    }

    #[test]
    fn the_type_of_the_result_is_found() {
        for (doc, ty) in [
            ("/** @return int */", Some("int")),
            ("/** @return int*/", Some("int")),
            (
                "/**\n * @return array<string, list<Foo>> what it is\n */",
                Some("array<string, list<Foo>>"),
            ),
            (
                "/**\n * @return ?Foo\n * @phpstan-return Foo<'a b'>|null x\n */",
                Some("Foo<'a b'>|null"),
            ),
            ("/** @return ($x is int ? int : string) */", None),
            ("/** @returns int */", None),
            ("/**\n * @return array{\n *   a: int\n * }\n */", None),
            ("/** Nothing. */", None),
            ("// no doc comment @return int", None),
        ] {
            assert_eq!(result(doc).as_deref(), ty, "{doc}");
        }
    }

    #[test]
    fn a_comment_that_ends_early_is_none() {
        assert_eq!(checked(Some("/** a */ system('id'); /* */")), None);
        assert_eq!(checked(Some("/**/")), None);
        assert_eq!(checked(Some("/** a */")), Some("/** a */"));
    }
}
