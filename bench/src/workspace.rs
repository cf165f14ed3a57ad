//! Where things are: the repository, the built product, a temporary folder for sockets and logs.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Debian's name of the PHP that clients and peers run on.
const PHP: &str = "php8.2";
/// Where Debian's packages of PHP libraries put them.
const PHP_LIBRARIES: &str = "/usr/share/php";

pub(crate) struct Workspace {
    temp: TempDir,
    bin: PathBuf,
}

impl Workspace {
    pub(crate) fn create() -> Result<Self> {
        let temp = tempfile::Builder::new().prefix("appserver-bench-").tempdir()?;
        let bin = env::var_os("APPSERVER_BIN_DIR")
            .map_or_else(|| repository().join("target/release"), PathBuf::from);
        Ok(Self { temp, bin })
    }

    /// A path in the temporary folder.
    pub(crate) fn temp(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// A file of the built product.
    pub(crate) fn artifact(&self, name: &str) -> Result<PathBuf> {
        let path = self.bin.join(name);
        if !path.exists() {
            bail!("{} is missing: run `make build` first", path.display());
        }
        Ok(path)
    }

    /// A script of the bench under PHP's command line.
    pub(crate) fn php(&self, script: &str) -> Command {
        let mut command = Command::new(PHP);
        command.args(["-d", "opcache.enable_cli=1", "-d", "display_errors=stderr"]);
        command.arg(repository().join("bench/php").join(script));
        command
    }

    /// As [`Self::php`], with the product's extension and the worker it shall reach.
    pub(crate) fn php_with_extension(&self, address: &str, script: &str) -> Result<Command> {
        let mut command = Command::new(PHP);
        let extension = self.artifact("appserver.so")?;
        command.args(["-d", "opcache.enable_cli=1", "-d", "display_errors=stderr"]);
        command.arg("-d").arg(format!("extension={}", extension.display()));
        command.arg("-d").arg(format!("appserver.workers={address}"));
        command.arg(repository().join("bench/php").join(script));
        Ok(command)
    }

    /// This program again, in another role.
    pub(crate) fn this_program(&self) -> Result<Command> {
        Ok(Command::new(env::current_exe()?))
    }
}

/// The folder of the sources this program was built from.
pub(crate) fn repository() -> &'static Path {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench)
}

/// Whether PHP's command line has an extension; the error names Debian's package of it.
pub(crate) fn need_php_extension(extension: &str, package: &str) -> Result<()> {
    let output = Command::new(PHP)
        .arg("-m")
        .output()
        .with_context(|| format!("{PHP} does not run: apt-get install php8.2-cli"))?;
    let modules = String::from_utf8_lossy(&output.stdout);
    if !modules.lines().any(|line| line.eq_ignore_ascii_case(extension)) {
        bail!("PHP has no extension \"{extension}\": apt-get install {package}");
    }
    Ok(())
}

/// The path of a file of a PHP library; the error names Debian's package of it.
pub(crate) fn need_php_library(file: &str, package: &str) -> Result<PathBuf> {
    let path = Path::new(PHP_LIBRARIES).join(file);
    if !path.exists() {
        bail!("{} is not installed: apt-get install {package}", path.display());
    }
    Ok(path)
}

/// The path of a program of the system; the error names Debian's package of it.
pub(crate) fn need_program(name: &str, package: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Daemons are in folders that a user's PATH may lack.
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.exists())
        .with_context(|| format!("{name} is not installed: apt-get install {package}"))
}
