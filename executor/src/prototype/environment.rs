//! What the release's code finds around it: folder, umask, variables, temporary folders.
//!
//! Unsafe only to change environment variables.
//! Contract: the process has one thread, as the whole program promises.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use protocol::Boot;
use rustix::fs::Mode;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Folders below the release's temporary one.
pub(super) fn upload_dir(boot: &Boot) -> PathBuf {
    Path::new(&boot.temp_dir).join("upload")
}

pub(super) fn session_dir(boot: &Boot) -> PathBuf {
    Path::new(&boot.temp_dir).join("sessions")
}

pub(super) fn prepare(boot: &Boot) -> Result<()> {
    std::env::set_current_dir(&boot.root).with_context(|| format!("folder {}", boot.root))?;
    rustix::process::umask(Mode::from_raw_mode(boot.umask & 0o777));
    // SAFETY: one thread, see above.
    unsafe { std::env::set_var("TMPDIR", &boot.temp_dir) };
    for (name, value) in &boot.env {
        // SAFETY: one thread, see above.
        unsafe { std::env::set_var(name, value) };
    }
    for folder in [upload_dir(boot), session_dir(boot)] {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("folder {}", folder.display()))?;
    }
    Ok(())
}
