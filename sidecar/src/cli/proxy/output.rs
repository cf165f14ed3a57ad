//! Where proxies go: written whole or not at all, or compared with what is there.

use crate::cli::{Exit, Stop};
use crate::proxy::{CLASSES, Package, is_our_code, is_ours};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the options ask for.
pub(super) enum Output {
    Stdout,
    File(PathBuf),
    Package(PathBuf),
    Check(PathBuf),
}

impl Output {
    pub(super) fn from(
        file: Option<PathBuf>,
        package: Option<PathBuf>,
        check: Option<PathBuf>,
    ) -> Self {
        let file = file.map(Self::File);
        file.or(package.map(Self::Package)).or(check.map(Self::Check)).unwrap_or(Self::Stdout)
    }
}

/// Replaces a file in one step: whoever loads it meanwhile has the old one or the new one.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Stop> {
    replace(path, text).map_err(|error| cannot("write", path, &error))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == text.as_bytes()) {
        return Ok(());
    }
    // A link stays one.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy();
    let beside =
        folder.unwrap_or(Path::new(".")).join(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::File::create_new(&beside)
        .and_then(|mut file| {
            if let Ok(present) = fs::metadata(path) {
                file.set_permissions(present.permissions())?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Writes a package, and removes the classes of an earlier one that are no more.
pub(super) fn write_package(folder: &Path, package: &Package) -> Result<(), Stop> {
    let manifest = folder.join("composer.json");
    if fs::read_to_string(&manifest).is_ok_and(|present| !is_ours(&present)) {
        let message = format!(
            "{} belongs to another package, and would be overwritten: name a folder of its own",
            manifest.display()
        );
        return Err(Stop::new(Exit::Usage, message));
    }
    for (name, text) in package {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| cannot("make", parent, &error))?;
        write(&path, text)?;
    }
    for path in stale(folder, package)? {
        fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
    }
    Ok(())
}

/// Fails unless the file is just as it would be written.
pub(super) fn check(path: &Path, text: &str) -> Result<(), Stop> {
    match fs::read(path) {
        Ok(present) if present == text.as_bytes() => Ok(()),
        Ok(_) => Err(out_of_date(&[path.to_owned()])),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(out_of_date(&[path.to_owned()]))
        }
        Err(error) => Err(cannot("read", path, &error)),
    }
}

/// The same for a package.
pub(super) fn check_package(folder: &Path, package: &Package) -> Result<(), Stop> {
    let mut differing = stale(folder, package)?;
    for (name, text) in package {
        let path = folder.join(name);
        if !fs::read(&path).is_ok_and(|present| present == text.as_bytes()) {
            differing.push(path);
        }
    }
    if differing.is_empty() { Ok(()) } else { Err(out_of_date(&differing)) }
}

fn out_of_date(paths: &[PathBuf]) -> Stop {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let message =
        format!("out of date: {}; run the same command without --check", paths.join(", "));
    Stop::new(Exit::Failed, message)
}

/// Files of classes that were made earlier and have no place in `package`.
fn stale(folder: &Path, package: &Package) -> Result<Vec<PathBuf>, Stop> {
    let wanted: BTreeSet<PathBuf> = package.iter().map(|(name, _)| folder.join(name)).collect();
    let mut stale = Vec::new();
    let mut folders = vec![folder.join(CLASSES)];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(cannot("read", &folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| cannot("read", &folder, &error))?;
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if !wanted.contains(&path)
                && fs::read_to_string(&path).is_ok_and(|text| is_our_code(&text))
            {
                stale.push(path);
            }
        }
    }
    stale.sort();
    Ok(stale)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Stop {
    Stop::new(Exit::Internal, format!("cannot {what} {}: {error}", path.display()))
}
