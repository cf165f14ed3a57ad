//! Where the built product is.

use std::path::{Path, PathBuf};

/// The three files that make up the product.
#[derive(Clone, Debug)]
pub struct Artifacts {
    pub appserver: PathBuf,
    pub extension: PathBuf,
}

impl Artifacts {
    /// Finds them; panics with what to do when they are not built.
    pub fn find() -> Self {
        let folder =
            std::env::var_os("APPSERVER_BIN_DIR").map_or_else(default_folder, PathBuf::from);
        for name in FILES {
            let path = folder.join(name);
            assert!(path.exists(), "{} is missing: run `make build` first", path.display());
        }
        Self::of(&folder)
    }

    /// Copies in a folder, for users who cannot come to where they are built.
    pub fn copied_to(&self, folder: &Path) -> Self {
        for name in FILES {
            let built = self.appserver.with_file_name(name);
            std::fs::copy(built, folder.join(name)).expect("room for the binaries");
        }
        Self::of(folder)
    }

    fn of(folder: &Path) -> Self {
        Self { appserver: folder.join("appserver"), extension: folder.join("appserver.so") }
    }
}

const FILES: [&str; 3] = ["appserver", "appserver-php", "appserver.so"];

fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release")
}
