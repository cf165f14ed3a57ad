//! Where ledgers are: on a disk, because a `fdatasync` of memory costs nothing and keeps nothing.

use crate::workspace::repository;
use anyhow::{Context, Result, bail};
use rustix::fs::statfs;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// By statfs(2).
const TMPFS_MAGIC: i64 = 0x0102_1994;

/// A temporary folder on the file system of the repository.
pub(super) struct Disk {
    folder: TempDir,
}

impl Disk {
    pub(super) fn create() -> Result<Self> {
        let target = repository().join("target");
        fs::create_dir_all(&target)?;
        let folder = tempfile::Builder::new().prefix("bench-jobs-").tempdir_in(&target);
        let folder = folder.with_context(|| format!("{} is not writable", target.display()))?;
        if is_memory(folder.path())? {
            bail!("{} is in memory: check the repository out on a disk", target.display());
        }
        Ok(Self { folder })
    }

    /// A new folder in it.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }
}

/// The least that a job on disk costs: one block, written over and over. As in `php/disk.php`.
pub(super) struct Block {
    file: File,
}

const BLOCK: [u8; 4096] = [7; 4096];

impl Block {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let block = Self { file: File::create(path)? };
        block.write()?;
        Ok(block)
    }

    /// One write and its `fdatasync`.
    pub(super) fn write(&self) -> Result<()> {
        self.file.write_all_at(&BLOCK, 0)?;
        Ok(self.file.sync_data()?)
    }
}

fn is_memory(path: &Path) -> Result<bool> {
    #[allow(clippy::useless_conversion, reason = "its type differs between architectures")]
    let kind = i64::try_from(statfs(path)?.f_type)?;
    Ok(kind == TMPFS_MAGIC)
}
