//! The identity of a release: a hash of its files, so that the same code has the same id everywhere.

use protocol::ReleaseId;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Folders of version control: no part of the code, and changed without it.
const IGNORED: [&str; 3] = [".git", ".hg", ".svn"];
/// Size of the pieces in which files are read, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Hashes names and contents of all files below `root`, in order of their names. Links count by
/// where they point and are not followed.
pub(super) fn identify(root: &Path) -> io::Result<ReleaseId> {
    let mut hasher = blake3::Hasher::new();
    add_folder(&mut hasher, root)?;
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    // 0 means "any release".
    Ok(ReleaseId(u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)))
}

fn add_folder(hasher: &mut blake3::Hasher, folder: &Path) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, path, kind) = (entry.file_name(), entry.path(), entry.file_type()?);
        if IGNORED.iter().any(|ignored| name == *ignored) {
            continue;
        }
        add_field(hasher, name.as_encoded_bytes());
        if kind.is_dir() {
            add_field(hasher, b"(");
            add_folder(hasher, &path)?;
            add_field(hasher, b")");
        } else if kind.is_symlink() {
            add_field(hasher, b"->");
            add_field(hasher, std::fs::read_link(&path)?.as_os_str().as_encoded_bytes());
        } else if kind.is_file() {
            add_file(hasher, &path)?;
        }
    }
    Ok(())
}

/// With its length, so that no two sequences of fields give the same bytes.
fn add_field(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn add_file(hasher: &mut blake3::Hasher, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut content = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => content.update(&chunk[..read]),
        };
    }
    add_field(hasher, content.finalize().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_follows_names_and_contents_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.php"), "one").unwrap();
        let first = identify(folder.path()).unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(identify(folder.path()).unwrap(), first);
        std::fs::write(folder.path().join("a.php"), "two").unwrap();
        let second = identify(folder.path()).unwrap();
        assert_ne!(first, second);
        std::fs::rename(folder.path().join("a.php"), folder.path().join("b.php")).unwrap();
        assert_ne!(identify(folder.path()).unwrap(), second);
    }

    #[test]
    fn a_link_to_the_folder_itself_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("self")).unwrap();
        assert!(identify(folder.path()).is_ok());
    }
}
