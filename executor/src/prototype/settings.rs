//! ini entries of a release, in three layers: ours that an application may override, the
//! application's, ours that must hold.

use super::environment::{session_dir, upload_dir};
use embed::{Extension, StartOptions};
use protocol::Boot;
use std::path::PathBuf;

/// Environment variable that names `appserver.so` where it is not beside this program.
const EXTENSION_VARIABLE: &str = "APPSERVER_EXTENSION";

/// How to start PHP for this release. What is preloaded is decided while it starts.
pub(super) fn options(boot: &Boot) -> StartOptions {
    let mut ini = defaults(boot);
    ini.push(("opcache.enable".to_owned(), "1".to_owned()));
    ini.extend(boot.ini.iter().cloned());
    ini.extend(open_basedir(boot));
    let mut must = |name: &str, value: &str| ini.push((name.to_owned(), value.to_owned()));
    // A release never changes, so its files need not be looked at again.
    must("opcache.validate_timestamps", "0");
    must("opcache.file_update_protection", "0");
    must("opcache.preload", "");
    if rustix::process::geteuid().is_root() {
        // OPcache refuses to preload as root unless told so in as many words.
        must("opcache.preload_user", "root");
    }
    StartOptions { ini, extension: extension() }
}

/// A preload script of the application's own: ours requires it.
pub(super) fn own_preload(boot: &Boot) -> Option<&str> {
    let last = boot.ini.iter().rfind(|(name, _)| name == "opcache.preload");
    last.map(|(_, path)| path.as_str()).filter(|path| !path.is_empty())
}

fn defaults(boot: &Boot) -> Vec<(String, String)> {
    let temp = [
        ("sys_temp_dir", PathBuf::from(&boot.temp_dir)),
        ("upload_tmp_dir", upload_dir(boot)),
        ("session.save_path", session_dir(boot)),
    ];
    let mut ini: Vec<(String, String)> = temp
        .into_iter()
        .map(|(name, path)| (name.to_owned(), path.display().to_string()))
        .collect();
    // Time limits are the supervisor's, by the wall clock; PHP's own count CPU time, and cost a timer
    // for each request.
    ini.push(("max_execution_time".to_owned(), "0".to_owned()));
    ini.push(("max_input_time".to_owned(), "-1".to_owned()));
    ini
}

/// After the application's own settings: they must not take it away.
fn open_basedir(boot: &Boot) -> Option<(String, String)> {
    let further = boot.open_basedir.as_ref()?;
    // With a slash at the end it is that folder, without one it is also those that begin like it.
    let folders = [&boot.root, &boot.temp_dir].into_iter().chain(further);
    let folders: Vec<String> =
        folders.map(|folder| format!("{}/", folder.trim_end_matches('/'))).collect();
    Some(("open_basedir".to_owned(), folders.join(":")))
}

/// The extension, so that deployed code knows the attribute classes and can call other functions.
fn extension() -> Option<Extension> {
    let path = match std::env::var_os(EXTENSION_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe().ok()?.with_file_name("appserver.so"),
    };
    path.exists().then(|| Extension { name: "appserver".to_owned(), path })
}

/// What to tell whoever deploys when the extension is not there.
pub(super) fn extension_warning() -> Option<String> {
    extension().is_none().then(|| {
        format!(
            "appserver.so is not beside appserver-php: functions cannot call other functions; \
             set {EXTENSION_VARIABLE} to its path"
        )
    })
}
