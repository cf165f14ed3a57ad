//! Expressions from a catalog: written into PHP code only when they stay in their place.
//!
//! A catalog comes from another machine, and its text becomes code here. Where a default, the value
//! of a constant or an attribute's argument stands, PHP itself takes constant expressions alone; so
//! what has to be kept out is whatever could end that place.

/// Whether `source` is one expression of literals, names, operators, and brackets that are closed:
/// neither a variable, a statement nor a comment.
pub(super) fn is_constant(source: &str) -> bool {
    let mut rest = source;
    let mut open = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => match string(rest) {
                Some(length) => length,
                None => return false,
            },
            '(' | '[' => {
                open.push(if first == '(' { ')' } else { ']' });
                1
            }
            ')' | ']' if open.pop() == Some(first) => 1,
            ',' if !open.is_empty() => 1,
            c if is_name(c) => c.len_utf8(),
            c if is_operator(c) && !forms_more(rest) => 1,
            c if c.is_ascii_whitespace() => 1,
            _ => return false,
        };
        rest = &rest[length..];
    }
    open.is_empty() && !source.trim().is_empty()
}

/// Bytes of the string that `source` begins with; one with variables in it is none.
fn string(source: &str) -> Option<usize> {
    let quote = source.chars().next()?;
    let mut escaped = false;
    for (at, c) in source.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '$' if quote == '"' => return None,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '\\') || !c.is_ascii()
}

fn is_operator(c: char) -> bool {
    "+-*/%.:?|&^~!<>=".contains(c)
}

/// Comments, here documents, the end of PHP, and reflection's own "whatever" are made of operators.
fn forms_more(rest: &str) -> bool {
    ["//", "/*", "<<<", "?>", "..."].iter().any(|token| rest.starts_with(token))
}

#[cfg(test)]
mod tests {
    use super::is_constant;

    #[test]
    fn what_reflection_gives_is_constant() {
        for source in [
            "1",
            "-9223372036854775807-1",
            "1.0E+25",
            "'it\\'s'",
            "'' . \"\\0\" . 'a'",
            "\"\\xff\\x24\"",
            "[1, 'a' => null, [true]]",
            "\\PHP_INT_MAX",
            "\\Shop\\Size::Small",
            "self::LIMIT",
            "new \\ArrayObject([1, 'b' => \\A\\B], x: -1)",
            "new \\A()",
            "\\A ?: (\\B << 2)",
            "(1 + 2) * 3",
            "'$no <<< variable // ; ?> here'",
            "\\Überall\\Größe::Klein",
        ] {
            assert!(is_constant(source), "{source}");
        }
    }

    #[test]
    fn what_could_end_its_place_is_not() {
        for source in [
            "",
            "  ",
            "$x",
            "\"$x\"",
            "\"{$x}\"",
            "`id`",
            "1; f",
            "1, 2",
            "1) { } function g(",
            "new \\A(...)",
            "...",
            "[1",
            "1]",
            "[1)",
            "'open",
            "'open\\'",
            "1 // more",
            "1 /* more",
            "1 # more",
            "?>html",
            "<<<X",
            "new class {}",
            "@x",
        ] {
            assert!(!is_constant(source), "{source}");
        }
    }
}
