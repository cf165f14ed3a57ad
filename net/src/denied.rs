//! Why the kernel does not let this process open a unix socket, and whose decision that is.

use rustix::process::{getegid, geteuid};
use std::fs::{self, Metadata};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Who may use a socket, as the configuration calls it.
#[derive(Clone, Copy, Debug)]
pub struct Settings(pub &'static str);

/// Sockets for callers.
pub const CALLERS: Settings = Settings("socket.mode and socket.group in appserver.toml");
/// Sockets of the control API.
pub const CONTROL: Settings = Settings("control.mode and control.group in appserver.toml");

/// The error of connecting to the socket at `path`, with what to do where rights are missing.
pub fn explained(path: &Path, error: Error, settings: Settings) -> Error {
    if error.kind() != ErrorKind::PermissionDenied {
        return error;
    }
    let (user, group) = (user(geteuid().as_raw()), group(getegid().as_raw()));
    let why = match fs::metadata(path) {
        Ok(socket) => {
            let Settings(settings) = settings;
            format!("it is for {} ({settings})", allowed(&socket))
        }
        // Without the right to look into a folder nothing of what is in it can be told.
        Err(_) => format!("this user may not enter {}", barrier(path).display()),
    };
    let text = format!("permission denied to user {user} with group {group}: {why}");
    Error::new(ErrorKind::PermissionDenied, text)
}

fn allowed(socket: &Metadata) -> String {
    let mode = socket.permissions().mode() & 0o777;
    let (owner, group) = (user(socket.uid()), group(socket.gid()));
    match mode & 0o020 != 0 {
        true => format!("user {owner} and group {group}, mode {mode:04o}"),
        false => format!("user {owner} alone, mode {mode:04o}"),
    }
}

/// The first folder on the way to `path` that cannot be entered.
fn barrier(path: &Path) -> &Path {
    let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.reverse();
    let closed = folders.iter().find(|folder| fs::metadata(folder.join(".")).is_err());
    closed.or(folders.last()).copied().unwrap_or(path)
}

fn user(uid: u32) -> String {
    name_of("/etc/passwd", uid)
}

fn group(gid: u32) -> String {
    name_of("/etc/group", gid)
}

/// In both files the name is the first field and the number the third.
fn name_of(file: &str, number: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    });
    name.map_or_else(|| number.to_string(), |name| format!("{name} ({number})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    #[test]
    fn whoever_may_is_named_with_the_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        fs::write(&path, "").unwrap();
        for (mode, who) in [(0o660, " and group "), (0o600, " alone, mode 0600")] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let text = explained(&path, ErrorKind::PermissionDenied.into(), CONTROL).to_string();
            assert!(text.contains(who) && text.contains("control.group"), "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_closed_is_named() {
        let path = Path::new("/proc/self/appserver-no-such-folder/socket");
        let text = explained(path, ErrorKind::PermissionDenied.into(), CALLERS).to_string();
        assert!(text.ends_with("may not enter /proc/self/appserver-no-such-folder"), "{text}");
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let error = explained(Path::new("/"), ErrorKind::NotFound.into(), CALLERS);
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
