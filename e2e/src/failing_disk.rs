//! A disk that fails when a test says so: a library that is loaded before the C library answers for
//! syncs and writes of the ledger with EIO, or does not come back from syncs.

use crate::SidecarBuilder;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// See the module.
#[derive(Debug)]
pub struct FailingDisk {
    folder: TempDir,
}

impl FailingDisk {
    /// Compiles the library; the disk works.
    #[expect(clippy::new_without_default, reason = "it runs a compiler")]
    pub fn new() -> Self {
        let disk = Self { folder: tempfile::tempdir().expect("a temp folder") };
        let source = disk.path("failing_disk.c");
        fs::write(&source, include_str!("failing_disk.c")).expect("the folder is ours");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(disk.library());
        let compiled = compiler.arg(&source).arg("-ldl").status().expect("a C compiler");
        assert!(compiled.success());
        disk
    }

    /// A worker whose jobs are on it.
    pub fn under(&self, worker: SidecarBuilder) -> SidecarBuilder {
        let text = |path: PathBuf| path.display().to_string();
        let worker = worker.env("LD_PRELOAD", &text(self.library()));
        worker.env("FAILING_DISK", &text(self.path("disk")))
    }

    /// Syncs fail from now on; with `writes`, writes too.
    pub fn fail(&self, writes: bool) {
        fs::write(self.path("disk.sync"), "").expect("the folder is ours");
        if writes {
            fs::write(self.path("disk.write"), "").expect("the folder is ours");
        }
    }

    /// Syncs fail after so many that work.
    pub fn fail_after(&self, syncs: u32) {
        fs::write(self.path("disk.new"), syncs.to_string()).expect("the folder is ours");
        fs::rename(self.path("disk.new"), self.path("disk.sync")).expect("the folder is ours");
    }

    /// Syncs do not come back from now on.
    pub fn hang(&self) {
        fs::write(self.path("disk.hang"), "").expect("the folder is ours");
    }

    /// Whether somebody waits for a sync that does not come back.
    pub fn hangs(&self) -> bool {
        self.path("disk.hangs").exists()
    }

    /// It works again.
    pub fn heal(&self) {
        for name in ["disk.write", "disk.sync", "disk.hang", "disk.hangs"] {
            // It may not have failed so.
            let _ = fs::remove_file(self.path(name));
        }
    }

    fn library(&self) -> PathBuf {
        self.path("failing_disk.so")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
