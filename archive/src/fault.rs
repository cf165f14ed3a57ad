//! What is wrong with an archive: one variant a cause.

use std::fmt;
use thiserror::Error;

/// An archive that is refused: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entry, as text that is safe to print; none when the archive as a whole is meant.
    pub path: Option<String>,
    pub fault: Fault,
}

/// Why an archive is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    // Names.
    #[error("the name is empty")]
    Empty,
    #[error("absolute paths are refused")]
    Absolute,
    #[error("\"..\" in a path is refused")]
    Parent,
    #[error("\".\" in a path is refused")]
    Dot,
    #[error("the path has an empty part")]
    EmptyPart,
    #[error("the path contains a NUL byte")]
    Nul,
    #[error("the path contains a backslash")]
    Backslash,
    #[error("the path is not UTF-8")]
    NotUtf8,
    #[error("the path contains the control character {0:?}")]
    Control(char),
    #[error("the path contains {0:?}, which is not seen or changes the direction of writing")]
    Unseen(char),
    #[error("the path contains a character that looks like \"/\" or \"..\"")]
    LookAlike,
    #[error("the path has {bytes} bytes, {max} are allowed")]
    PathTooLong { bytes: usize, max: usize },
    #[error("a name has {bytes} bytes, {max} are allowed")]
    NameTooLong { bytes: usize, max: usize },
    #[error("it lies {depth} folders deep, {max} are allowed")]
    TooDeep { depth: usize, max: usize },
    #[error("it stands in the archive twice")]
    Duplicate,
    #[error("\"{other}\" has the same name but for case or spelling of Unicode")]
    Collides { other: String },
    #[error("\"{parent}\" is no folder, so nothing can lie in it")]
    ParentIsNoFolder { parent: String },

    // Kinds.
    #[error("hard links are refused")]
    HardLink,
    #[error("device files are refused")]
    Device,
    #[error("named pipes are refused")]
    Fifo,
    #[error("sockets are refused")]
    Socket,
    #[error("it is of an unknown kind ({0:#04x})")]
    UnknownKind(u8),
    #[error("setuid, setgid and sticky bits are refused (mode {mode:o}): remove them with chmod")]
    SpecialBits { mode: u32 },
    #[error("the link's target \"{target}\" is absolute: make it relative")]
    LinkAbsolute { target: String },
    #[error("the link to \"{target}\" leads out of the application's folder")]
    LinkLeaves { target: String },
    #[error("the link to \"{target}\" leads through too many others, or to itself")]
    LinkLoops { target: String },

    // Amounts.
    #[error("the file has {bytes} bytes, {max} are allowed")]
    FileTooLarge { bytes: u64, max: u64 },
    #[error("more than {max} files, folders and links")]
    TooManyEntries { max: u64 },
    #[error("more than {max} links")]
    TooManyLinks { max: u64 },
    #[error("the files have more than {max} bytes together")]
    TooManyBytes { max: u64 },
    #[error("the archive has {bytes} bytes, {max} are allowed")]
    ArchiveTooLarge { bytes: u64, max: u64 },
    #[error("it unpacks to more than {max} times its size")]
    Bomb { max: u64 },

    // Form.
    #[error("the archive ends too early")]
    Truncated,
    #[error("bytes follow the end of the archive")]
    TrailingBytes,
    #[error("the checksum of {0} is wrong")]
    Checksum(&'static str),
    #[error("malformed: {0}")]
    Malformed(&'static str),
    #[error("the {0} that compresses it is damaged")]
    Compression(&'static str),
    #[error("sparse files are refused")]
    Sparse,
    #[error("a record that changes the file's size is refused")]
    SizeOverride,
    #[error("the record \"{key}\" of an extended header is refused")]
    Record { key: String },
    #[error("it is encrypted")]
    Encrypted,
    #[error("zip64 is refused: pack it as .tar.gz")]
    Zip64,
    #[error("it is compressed by method {0}: only deflate, bzip2 and none are read")]
    Method(u16),
    #[error("the two headers of the entry disagree about its {0}")]
    HeadersDisagree(&'static str),
    #[error("entries overlap, or bytes lie between them")]
    Overlap,
    #[error("it is not spelled as this program writes archives")]
    NotCanonical,
}

impl Fault {
    /// About the entry of that name.
    pub(crate) fn at(self, path: &str) -> Refusal {
        Refusal { path: Some(path.escape_debug().to_string()), fault: self }
    }

    /// About the entry of that name, which may be any bytes.
    pub(crate) fn at_bytes(self, path: &[u8]) -> Refusal {
        self.at(&String::from_utf8_lossy(path))
    }

    /// About the archive.
    pub(crate) fn overall(self) -> Refusal {
        Refusal { path: None, fault: self }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "\"{path}\": {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}
