//! `appserver.toml`, from its file to what holds.

use super::super::document::Document;
use super::check::check;
use super::{Daemon, KEYS};
use crate::config::ConfigError;
use std::path::{Path, PathBuf};

/// The worker's configuration; all defaults without a file.
pub(crate) fn load_daemon(file: Option<&Path>) -> Result<Daemon, ConfigError> {
    let Some(file) = file else {
        return Ok(Daemon::default());
    };
    let document = Document::read(file, KEYS)?;
    let mut daemon: Daemon = document.values()?;
    check(&document, &daemon)?;
    daemon.apps.origins = document.origins();
    let absolute = std::path::absolute(file)
        .map_err(|error| ConfigError::in_file(file, None, format!("cannot be found: {error}")))?;
    let base = absolute.parent().unwrap_or(Path::new("/"));
    for path in paths(&mut daemon) {
        *path = base.join(&path);
    }
    if daemon.membership.epoch == 0 && !daemon.membership.workers.is_empty() {
        daemon.membership.epoch = changed_at(file);
    }
    Ok(daemon)
}

/// Paths that are relative to the configuration file.
fn paths(daemon: &mut Daemon) -> impl Iterator<Item = &mut PathBuf> {
    let single = [
        &mut daemon.runtime_dir,
        &mut daemon.state_dir,
        &mut daemon.php_binary,
        &mut daemon.tcp.token_file,
        &mut daemon.tls.certificate,
        &mut daemon.tls.key,
        &mut daemon.tls.client_ca,
        &mut daemon.control.token_file,
        &mut daemon.membership.control_token_file,
        &mut daemon.membership.control_ca,
    ];
    let of_apps = daemon.apps.named.values_mut().flat_map(|policy| {
        let passwords = policy.datasource.values_mut().filter_map(|d| d.password_file.as_mut());
        let secrets = policy.resource.values_mut().flat_map(|r| r.secret_file.values_mut());
        policy.folder.iter_mut().chain(passwords).chain(secrets)
    });
    daemon.apps.folders.iter_mut().chain(of_apps).chain(single.into_iter().flatten())
}

/// Seconds since 1970 of the file's last change: later lists replace earlier ones by themselves.
fn changed_at(file: &Path) -> u32 {
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    age.and_then(|age| u32::try_from(age.as_secs()).ok()).unwrap_or(1)
}
