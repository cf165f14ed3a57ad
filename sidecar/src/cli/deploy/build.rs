//! From a folder, file or commit to a signed archive.

use crate::cli::{Exit, Stop};
use archive::{Built, DeployKey, Error, Label, Limits, Source, build};
use protocol::AppName;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a Path,
    /// Of the repository at `path`.
    pub(super) revision: Option<&'a str>,
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.revision.map_or(Ok(()), |revision| write!(f, " at {revision}"))
    }
}

/// An archive without a signature.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) built: Built,
    /// Temporary files, gone with this.
    scratch: TempDir,
}

impl Package {
    pub(super) fn build(wanted: &Wanted<'_>) -> Result<Self, Stop> {
        let scratch = tempfile::tempdir().map_err(|error| {
            Stop::new(Exit::Internal, format!("no folder for temporary files (TMPDIR): {error}"))
        })?;
        let path = wanted.path.to_owned();
        let source = match wanted.revision {
            Some(revision) => Source::Commit { repository: path, revision: revision.to_owned() },
            None if path.is_dir() => Source::Folder(path),
            None if path.is_file() => Source::File(path),
            None => {
                let message = format!("there is no folder and no file {}", path.display());
                return Err(Stop::new(Exit::NotFound, message));
            }
        };
        let built = build(&source, &Limits::default(), scratch.path()).map_err(unusable)?;
        Ok(Self { built, scratch })
    }

    /// What its `app.toml` calls the application, if it does.
    pub(super) fn name(&self) -> Option<String> {
        let manifest: toml::Table = self.built.manifest()?.parse().ok()?;
        manifest.get("name")?.as_str().map(str::to_owned)
    }

    /// The signed archive, in a file that is gone with the package.
    pub(super) fn seal(
        &self,
        app: &AppName,
        number: u64,
        note: String,
        key: &DeployKey,
    ) -> Result<PathBuf, Stop> {
        let path = self.scratch.path().join("release");
        let failed = |error: std::io::Error| {
            Stop::new(Exit::Internal, format!("{}: {error}", path.display()))
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let label = Label {
            app: app.clone(),
            number,
            signed_at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            deployer: deployer(),
            note,
        };
        let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
        self.built.seal(label, key, &mut file).map_err(unusable)?;
        file.flush().map_err(failed)?;
        Ok(path)
    }
}

fn unusable(error: Error) -> Stop {
    Stop::new(Exit::Data, error.to_string())
}

/// Who deploys, for the list of releases: `user@host`.
pub(crate) fn deployer() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = user.unwrap_or_else(|| user_name(rustix::process::geteuid().as_raw()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", host.trim())
}

/// As /etc/passwd has it, else the number.
fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}
