//! What a release can be built from. Whatever it is, it becomes a folder first.

use crate::decompress::{Compression, Counted, decompress};
use crate::entry::Receive;
use crate::error::Error;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::new_folder::NewFolder;
use crate::unloading::Unloading;
use crate::window::Window;
use crate::{git, magic, phar, tar, zip};
use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// All files in it that are not ignored.
    Folder(PathBuf),
    /// A `.phar`, `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.zst`; its first bytes tell which.
    File(PathBuf),
    /// What `git archive` makes of a commit.
    Commit { repository: PathBuf, revision: String },
}

/// A source as a folder, which is removed with this value if it is a temporary one.
pub(crate) struct Staged {
    root: PathBuf,
    _temporary: Option<TempDir>,
}

impl Staged {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Source {
    /// What a deployer names: a folder, a file, or `repository@revision`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_file() {
            return Ok(Self::File(path.to_owned()));
        }
        match text.rsplit_once('@') {
            Some((repository, revision)) if Path::new(repository).is_dir() => {
                Ok(Self::Commit { repository: repository.into(), revision: revision.into() })
            }
            _ => Err(Error::NoSource(text.to_owned())),
        }
    }

    /// Makes it a folder, below `scratch` if it is none yet.
    pub(crate) fn stage(&self, limits: &Limits, scratch: &Path) -> Result<Staged, Error> {
        match self {
            Self::Folder(root) => Ok(Staged { root: root.clone(), _temporary: None }),
            Self::File(path) => {
                stage_by(limits, scratch, |sink| read_file(path, limits, scratch, sink))
            }
            Self::Commit { repository, revision } => {
                stage_by(limits, scratch, |sink| git::read(repository, revision, limits, sink))
            }
        }
    }
}

fn stage_by(
    limits: &Limits,
    scratch: &Path,
    read: impl FnOnce(&mut dyn Receive) -> Result<(), Error>,
) -> Result<Staged, Error> {
    let temporary = TempDir::new_in(scratch).map_err(Error::io("make a folder in", scratch))?;
    let root = temporary.path().join("tree");
    let mut unloading = Unloading::new(limits, Some(NewFolder::create(&root, false)?));
    read(&mut unloading)?;
    if let Some(folder) = unloading.close()?.folder {
        folder.finish(false)?;
    }
    Ok(Staged { root, _temporary: Some(temporary) })
}

fn read_file(
    path: &Path,
    limits: &Limits,
    scratch: &Path,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let bytes = file.metadata().map_err(Error::io("read", path))?.len();
    let max = limits.archive_bytes_max;
    if bytes > max {
        return Err(Fault::ArchiveTooLarge { bytes, max }.overall().into());
    }
    match magic::compression(&file).map_err(Error::Read)? {
        Compression::None => read_plain(path, &file, limits, sink),
        compression => {
            // A compressed PHAR has to be read twice, so what was compressed becomes a file.
            let mut plain =
                tempfile::tempfile_in(scratch).map_err(Error::io("make a file in", scratch))?;
            let mut content = decompress(compression, &file, limits).map_err(Error::read)?;
            std::io::copy(&mut content, &mut plain).map_err(Error::read)?;
            read_plain(path, &plain, limits, sink)
        }
    }
}

fn read_plain(
    path: &Path,
    file: &File,
    limits: &Limits,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let position = Rc::new(Cell::new(0));
    let mut sink = phar::WithoutMagic::new(sink, position.clone());
    match magic::format(file).map_err(Error::Read)? {
        Some(magic::Format::Zip) => zip::read(file, limits, &mut sink),
        Some(magic::Format::Tar) => {
            let input = BufReader::new(Window::whole(file));
            let mut input = Counted { input, count: position };
            tar::read(&mut input, tar::Style::Foreign, &mut sink)?;
            sink.signature().map_or(Ok(()), |signature| phar::check_tar(file, &signature))
        }
        Some(magic::Format::Phar { manifest_at }) => {
            phar::read(file, manifest_at, limits, &mut sink)
        }
        None => Err(Error::UnknownFormat(path.to_owned())),
    }
}
