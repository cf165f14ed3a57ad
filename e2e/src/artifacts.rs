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
        let file = |name: &str| {
            let path = folder.join(name);
            assert!(path.exists(), "{} is missing: run `make build` first", path.display());
            path
        };
        file("appserver-php");
        Self { appserver: file("appserver"), extension: file("appserver.so") }
    }
}

fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release")
}
