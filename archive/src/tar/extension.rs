//! Headers before a header: long names, by POSIX (pax) or GNU.

use crate::fault::Fault;

/// Largest content of one, in bytes.
pub(crate) const EXTENSION_BYTES_MAX: u64 = 64 * 1024;

/// What the next entry's header is to be replaced by.
#[derive(Debug, Default)]
pub(crate) struct Extension {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
}

/// Records of pax headers that tell nothing of names, kinds and contents.
const HARMLESS: [&str; 10] =
    ["atime", "charset", "comment", "ctime", "gid", "gname", "hdrcharset", "mtime", "uid", "uname"];
const HARMLESS_PREFIXES: [&str; 8] = [
    "LIBARCHIVE.",
    "RHT.",
    "SCHILY.acl.",
    "SCHILY.dev",
    "SCHILY.fflags",
    "SCHILY.ino",
    "SCHILY.nlink",
    "SCHILY.xattr.",
];

impl Extension {
    pub(crate) fn is_empty(&self) -> bool {
        self.path.is_none() && self.link.is_none()
    }

    pub(crate) fn set_path(&mut self, path: Vec<u8>) -> Result<(), Fault> {
        match self.path.replace(path) {
            None => Ok(()),
            Some(_) => Err(Fault::Malformed("an entry has two long names")),
        }
    }

    pub(crate) fn set_link(&mut self, link: Vec<u8>) -> Result<(), Fault> {
        match self.link.replace(link) {
            None => Ok(()),
            Some(_) => Err(Fault::Malformed("an entry has two long link targets")),
        }
    }

    /// Takes the records of a pax header: `length key=value\n`, the length counting itself.
    pub(crate) fn add_records(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes)?;
            self.add_record(key, value)?;
            bytes = rest;
        }
        Ok(())
    }

    fn add_record(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        match key {
            "path" => self.set_path(value.to_vec()),
            "linkpath" => self.set_link(value.to_vec()),
            "size" | "SCHILY.realsize" => Err(Fault::SizeOverride),
            key if key.starts_with("GNU.sparse.") => Err(Fault::Sparse),
            key if is_harmless(key) => Ok(()),
            key => Err(Fault::Record { key: key.escape_debug().to_string() }),
        }
    }
}

/// Checks a header for all further entries; `git archive` leaves the commit there, as a comment.
pub(crate) fn check_global(bytes: &[u8]) -> Result<(), Fault> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (key, _, after) = record(rest)?;
        if !is_harmless(key) {
            return Err(Fault::Record { key: key.escape_debug().to_string() });
        }
        rest = after;
    }
    Ok(())
}

/// One record, as it is written.
pub(crate) fn format_record(key: &str, value: &[u8]) -> Vec<u8> {
    // Space, "=" and newline.
    let without = key.len() + value.len() + 3;
    let mut length = without;
    while without + length.to_string().len() != length {
        length = without + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

fn is_harmless(key: &str) -> bool {
    HARMLESS.contains(&key) || HARMLESS_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn record(bytes: &[u8]) -> Result<(&str, &[u8], &[u8]), Fault> {
    let malformed = || Fault::Malformed("a record of an extended tar header");
    let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
    let digits = str::from_utf8(&bytes[..space]).map_err(|_| malformed())?;
    let length: usize = digits.parse().map_err(|_| malformed())?;
    let (record, rest) = bytes.split_at_checked(length).ok_or_else(malformed)?;
    let text = record.get(space + 1..).and_then(|text| text.strip_suffix(b"\n"));
    let text = text.ok_or_else(malformed)?;
    let equals = text.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
    let key = str::from_utf8(&text[..equals]).map_err(|_| malformed())?;
    Ok((key, &text[equals + 1..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for bytes in [0, 1, 80, 88, 89, 90, 91, 92, 984, 985, 986, 987, 988, 989, 990] {
            let value = vec![b'v'; bytes];
            let written = format_record("path", &value);
            assert_eq!(record(&written), Ok(("path", &value[..], &b""[..])), "{bytes}");
        }
    }

    #[test]
    fn records_that_change_more_than_names_are_refused() {
        let fault =
            |key: &str| Extension::default().add_records(&format_record(key, b"1")).unwrap_err();
        assert_eq!(fault("size"), Fault::SizeOverride);
        assert_eq!(fault("SCHILY.realsize"), Fault::SizeOverride);
        assert_eq!(fault("GNU.sparse.major"), Fault::Sparse);
        assert_eq!(fault("SCHILY.filetype"), Fault::Record { key: "SCHILY.filetype".into() });
        assert!(Extension::default().add_records(b"99 path=a\n").is_err());
        assert!(Extension::default().add_records(b"0 path=a\n").is_err());
        assert!(Extension::default().add_records(b"+9 path=a\n").is_err());
        let twice = [format_record("path", b"a"), format_record("path", b"b")].concat();
        assert!(Extension::default().add_records(&twice).is_err());
        assert!(check_global(&format_record("comment", b"0123")).is_ok());
        assert!(check_global(&format_record("path", b"x")).is_err());
    }
}
