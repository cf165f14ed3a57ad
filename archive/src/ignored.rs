//! What of a folder is no part of the application.

use crate::error::Error;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::io::Read;
use std::path::Path;

/// Folders of version control: no part of the code, and changed without it.
const VERSION_CONTROL: [&str; 3] = [".git", ".hg", ".svn"];
/// Lists more, at the top of the application's folder, in the syntax of `.gitignore`.
pub const IGNORE_FILE: &str = ".appserverignore";
/// Largest such file, in bytes.
const IGNORE_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The rules of one folder.
#[derive(Clone, Debug)]
pub struct Ignored {
    listed: Gitignore,
}

impl Ignored {
    /// Reads the rules of the application in `root`.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let path = root.join(IGNORE_FILE);
        let text = match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => read(&path)?,
            // A link could lead to a file of the deployer that is not the application's.
            _ => String::new(),
        };
        let mut listed = GitignoreBuilder::new(root);
        for (number, line) in text.lines().enumerate() {
            listed.add_line(None, line).map_err(|error| wrong(number + 1, &error))?;
        }
        Ok(Self { listed: listed.build().map_err(|error| wrong(0, &error))? })
    }

    /// Whether `path`, below the root, is left out. What lies in a folder that is left out is not
    /// asked about.
    pub fn contains(&self, path: &Path, is_folder: bool) -> bool {
        let name = path.file_name().unwrap_or_default();
        VERSION_CONTROL.iter().any(|ignored| name == *ignored)
            || self.listed.matched(path, is_folder).is_ignore()
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let cannot = |error| Error::io("read", path)(error);
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut text = String::new();
    file.take(IGNORE_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > IGNORE_FILE_BYTES_MAX {
        return Err(Error::IgnoreFileTooLarge { max: IGNORE_FILE_BYTES_MAX });
    }
    Ok(text)
}

fn wrong(line: usize, error: &ignore::Error) -> Error {
    Error::IgnoreFile { line, message: error.to_string() }
}
