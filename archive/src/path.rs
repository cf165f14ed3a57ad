//! Names of entries: relative, spelled in one way only, and meaning the same on every filesystem.

use crate::fault::{Fault, Refusal};
use crate::limits::{Limits, NAME_BYTES_MAX};
use unicode_normalization::UnicodeNormalization;

/// Checks a path as an archive spells it, without a slash at its end.
pub(crate) fn check<'a>(raw: &'a [u8], limits: &Limits) -> Result<&'a str, Refusal> {
    if raw.len() > limits.path_bytes_max {
        let fault = Fault::PathTooLong { bytes: raw.len(), max: limits.path_bytes_max };
        return Err(fault.at_bytes(&raw[..limits.path_bytes_max]));
    }
    let path = str::from_utf8(raw).map_err(|_| Fault::NotUtf8.at_bytes(raw))?;
    check_text(path, limits).map_err(|fault| fault.at(path))?;
    Ok(path)
}

fn check_text(path: &str, limits: &Limits) -> Result<(), Fault> {
    if path.is_empty() {
        return Err(Fault::Empty);
    }
    if path.starts_with('/') {
        return Err(Fault::Absolute);
    }
    path.chars().try_for_each(check_char)?;
    path.split('/').try_for_each(check_part)?;
    let depth = path.split('/').count();
    if depth > limits.depth_max {
        return Err(Fault::TooDeep { depth, max: limits.depth_max });
    }
    Ok(())
}

pub(crate) fn check_char(c: char) -> Result<(), Fault> {
    match c {
        '\0' => Err(Fault::Nul),
        '\\' => Err(Fault::Backslash),
        c if c.is_control() => Err(Fault::Control(c)),
        c if is_unseen(c) => Err(Fault::Unseen(c)),
        _ => Ok(()),
    }
}

/// Characters that make a name read as another one: direction, separators of lines, tags, and those
/// without width. Joiners between letters (U+200C, U+200D) are not among them, scripts and emoji need
/// them; [`fold`] leaves them out.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn check_part(part: &str) -> Result<(), Fault> {
    match part {
        "" => return Err(Fault::EmptyPart),
        "." => return Err(Fault::Dot),
        ".." => return Err(Fault::Parent),
        _ => {}
    }
    if part.len() > NAME_BYTES_MAX {
        return Err(Fault::NameTooLong { bytes: part.len(), max: NAME_BYTES_MAX });
    }
    let folded = fold(part);
    if folded.contains(['/', '\\']) || matches!(&*folded, "" | "." | "..") {
        return Err(Fault::LookAlike);
    }
    Ok(())
}

/// The same text for all names that some filesystem, or a reader, takes for one: NFKC and case
/// folding, without joiners and variation selectors. Rather too much than too little is the same.
pub(crate) fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let plain = path.chars().filter(|c| !is_ignorable(*c)).nfkc();
    // Upper case first: it joins letters that have several lower ones (ſ and s, ß and ss).
    let upper = plain.flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).nfkc().collect()
}

fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{034f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// The path of the folder that contains `path`; empty for the folder of the application.
pub(crate) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_filesystem_takes_for_one_fold_to_one() {
        let same = [
            ("A.php", "a.PHP"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{17f}ub", "sub"),
            ("\u{212a}", "k"),
            ("\u{fb01}le", "file"),
            ("\u{ff21}", "a"),
            ("a\u{200d}b", "ab"),
            ("\u{3a3}", "\u{3c2}"),
        ];
        for (one, other) in same {
            assert_eq!(fold(one), fold(other), "{one:?} {other:?}");
        }
        assert_ne!(fold("a"), fold("b"));
        assert_ne!(fold("\u{e4}"), fold("a"));
    }

    #[test]
    fn the_fault_of_a_path_is_named() {
        let faults: [(&[u8], Fault); 16] = [
            (b"", Fault::Empty),
            (b"/etc/passwd", Fault::Absolute),
            (b"a/../b", Fault::Parent),
            (b"..", Fault::Parent),
            (b"./a", Fault::Dot),
            (b"a//b", Fault::EmptyPart),
            (b"a/", Fault::EmptyPart),
            (b"a\0b", Fault::Nul),
            (b"a\\b", Fault::Backslash),
            (b"a\xff", Fault::NotUtf8),
            (b"a\nb", Fault::Control('\n')),
            ("a\u{202e}b".as_bytes(), Fault::Unseen('\u{202e}')),
            ("a\u{feff}".as_bytes(), Fault::Unseen('\u{feff}')),
            ("a\u{ff0f}b".as_bytes(), Fault::LookAlike),
            ("\u{2025}".as_bytes(), Fault::LookAlike),
            ("\u{200d}".as_bytes(), Fault::LookAlike),
        ];
        for (path, fault) in faults {
            assert_eq!(check(path, &Limits::default()).unwrap_err().fault, fault, "{path:?}");
        }
        assert!(check("src/Caf\u{e9}/\u{4f60}\u{597d}.php".as_bytes(), &Limits::default()).is_ok());
    }

    #[test]
    fn long_and_deep_paths_are_refused_at_their_limit() {
        let limits = Limits { path_bytes_max: 600, depth_max: 3, ..Limits::default() };
        let fault =
            |path: &str| check(path.as_bytes(), &limits).map(drop).map_err(|refusal| refusal.fault);
        assert!(fault("a/b/c").is_ok());
        assert_eq!(fault("a/b/c/d"), Err(Fault::TooDeep { depth: 4, max: 3 }));
        assert!(fault(&"a".repeat(255)).is_ok());
        assert_eq!(fault(&"a".repeat(256)), Err(Fault::NameTooLong { bytes: 256, max: 255 }));
        assert_eq!(fault(&"a/".repeat(301)), Err(Fault::PathTooLong { bytes: 602, max: 600 }));
    }
}
