//! Archives on their way in: files in a folder of their own until the supervisor takes them.

use super::body::{Fault, Pieces};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

/// Files are numbered, so that two uploads never meet.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// An archive's file, removed with this unless it is handed on.
#[derive(Debug)]
pub(super) struct Incoming {
    path: PathBuf,
    handed_on: bool,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.handed_on {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Incoming {
    /// Writes a body to a new file.
    pub(super) async fn receive(folder: &Path, mut pieces: Pieces) -> Result<Self, Fault> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}", std::process::id()));
        let unkept = |error: io::Error| {
            Fault::Unkept(format!("the archive cannot be kept in {}: {error}", folder.display()))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unkept)?;
        let mut file = create(&path).await.map_err(unkept)?;
        let incoming = Self { path, handed_on: false };
        while let Some(piece) = pieces.next().await? {
            file.write_all(&piece).await.map_err(unkept)?;
        }
        file.flush().await.map_err(unkept)?;
        Ok(incoming)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file is somebody else's from now on.
    pub(super) fn hand_on(mut self) {
        self.handed_on = true;
    }
}

async fn create(path: &Path) -> io::Result<File> {
    // What an earlier worker with the same process id left behind.
    let _ = std::fs::remove_file(path);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await
}

/// Removes what uploads to an earlier worker left behind.
pub(super) fn clean(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
}
