//! Why an archive could not be built, read or unpacked.

use crate::fault::{Fault, Refusal};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// What was found in the archive, or in the folder that was to become one.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot read the archive: {0}")]
    Read(io::Error),
    #[error("cannot write the archive: {0}")]
    Write(io::Error),
    #[error(
        "there is no file or folder \"{0}\": name a folder, a .phar, .zip, .tar, .tar.gz or \
         .tar.zst file, or a commit as repository@revision"
    )]
    NoSource(String),
    #[error(
        "{} is no archive that can be read: use .phar, .zip, .tar, .tar.gz, .tar.bz2 or .tar.zst",
        .0.display()
    )]
    UnknownFormat(PathBuf),
    #[error("git has no commit \"{revision}\" in {}: {message}", repository.display())]
    NoCommit { repository: PathBuf, revision: String, message: String },
    #[error("{} changed while it was read: deploy again", .0.display())]
    Changed(PathBuf),
    #[error(".appserverignore, line {line}: {message}")]
    IgnoreFile { line: usize, message: String },
    #[error(".appserverignore has more than {max} bytes")]
    IgnoreFileTooLarge { max: u64 },
    #[error("the envelope cannot say this: {0}")]
    Label(&'static str),
    #[error("{} exists already: an archive is unpacked into a new folder", .0.display())]
    FolderExists(PathBuf),
    #[error("the archive was altered: its bytes are not those that were signed")]
    PayloadAltered,
    #[error("the archive does not contain the release that its envelope names")]
    OtherContent,
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// An error of reading an archive. A refusal travels through `io::Read` as the inner error.
    pub(crate) fn read(error: io::Error) -> Self {
        match error.downcast::<Refusal>() {
            Ok(refusal) => Self::Refused(refusal),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Refused(Fault::Truncated.overall())
            }
            Err(error) => Self::Read(error),
        }
    }
}
