//! The folder of a running worker: lock, board and temporary files.

use super::Error;
use super::dev;
use super::folder::{LOCK, lock, make, taken};
use super::identity::Account;
use crate::config::Daemon;
use net::Address;
use rustix::fs::OFlags;
use shm::Board;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// The settings that choose the folders.
const RUNTIME_DIR: &str = "runtime_dir";
const STATE_DIR: &str = "state_dir";
/// What nobody needs after the worker.
const TEMP: &str = "tmp";
/// The socket that callers connect to by default.
const CALLERS_SOCKET: &str = "appserver.sock";
/// The control API's socket in the folder.
const CONTROL_SOCKET: &str = "control.sock";
/// Where the workers of the system, started as root, have their sockets and folders.
const SYSTEM_BASE: &str = "/run/appserver";

/// The folders, locked for as long as this lives; what was made in them goes with it.
#[derive(Debug)]
pub(super) struct Directories {
    pub(super) runtime: PathBuf,
    /// Of what outlives the worker.
    pub(super) state: PathBuf,
    /// Where that would have been, had another worker not been there first.
    state_elsewhere: Option<PathBuf>,
    /// Whether the board was not there before and no client knows it yet.
    board_is_new: bool,
    /// Whether the folder itself is the worker's own.
    chosen_here: bool,
    _lock: OwnedFd,
    /// Of the state's folder, where that is another one.
    state_lock: Option<OwnedFd>,
}

impl Drop for Directories {
    /// Best effort: what stays is taken over by the next start. The lock goes last, because it keeps
    /// that one away until then.
    fn drop(&mut self) {
        let _ = dev::remove_snapshots(&self.temp());
        let _ = remove_temp(&self.temp());
        if self.board_is_new {
            let _ = std::fs::remove_file(self.board());
        }
        let _ = std::fs::remove_file(self.runtime.join(LOCK));
        if self.state_lock.is_some() {
            let _ = std::fs::remove_file(self.state.join(LOCK));
        }
        if self.chosen_here {
            let _ = std::fs::remove_dir(&self.runtime);
        }
    }
}

impl Directories {
    /// Makes, checks, locks and cleans the folders; `account` will use them.
    /// Of a worker that is `passing` nothing stays, unless it was told where.
    pub(super) fn prepare(
        daemon: &Daemon,
        account: Option<Account>,
        passing: bool,
    ) -> Result<Self, Error> {
        let runtime =
            daemon.runtime_dir.clone().unwrap_or_else(|| default_for(&base(), &daemon.listen));
        if let (None, Some(base)) = (&daemon.runtime_dir, runtime.parent()) {
            make(base, 0o755, RUNTIME_DIR, None)?;
        }
        make(&runtime, 0o755, RUNTIME_DIR, account)?;
        let lock = lock(&runtime, RUNTIME_DIR)?.ok_or_else(|| taken(&runtime, RUNTIME_DIR))?;
        let passing = passing && daemon.state_dir.is_none() && daemon.runtime_dir.is_none();
        let (state, state_lock, state_elsewhere) = match passing {
            true => (runtime.join(TEMP).join("state"), None, None),
            false => take_state(daemon, &runtime, account)?,
        };
        let directories = Self {
            runtime,
            state,
            state_elsewhere,
            board_is_new: false,
            chosen_here: daemon.runtime_dir.is_none(),
            _lock: lock,
            state_lock,
        };
        let temp = directories.temp();
        dev::remove_snapshots(&temp)
            .and_then(|()| remove_temp(&temp))
            .map_err(|error| Error::start(temp.display(), error))?;
        make(&temp, 0o711, RUNTIME_DIR, account)?;
        if passing {
            make(&directories.state, 0o711, STATE_DIR, account)?;
        }
        Ok(directories)
    }

    /// Says so where the usual folder of the state is not used.
    pub(super) fn warn_of_state_elsewhere(&self) {
        if let Some(usual) = &self.state_elsewhere {
            let (usual, instead) = (usual.display(), self.state.display());
            tracing::warn!(
                "another worker keeps its state in {usual}: what is set here is kept in {instead}; \
                 give each worker a state_dir of its own"
            );
        }
    }

    pub(super) fn temp(&self) -> PathBuf {
        self.runtime.join(TEMP)
    }

    /// Where the control API is unless addresses are given.
    pub(super) fn control(&self) -> PathBuf {
        self.runtime.join(CONTROL_SOCKET)
    }

    /// Where applications that have users of their own reach the worker.
    pub(super) fn inner_socket(&self) -> PathBuf {
        self.runtime.join("applications.sock")
    }

    pub(super) fn board(&self) -> PathBuf {
        self.runtime.join("board")
    }

    /// The board, which every local user may read: it is nothing but counters.
    pub(super) fn create_board(&mut self) -> Result<Board, Error> {
        let path = self.board();
        self.board_is_new = !path.exists();
        let board = Board::create(&path).map_err(|error| Error::start(path.display(), error))?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o644))
            .map_err(|error| Error::start(path.display(), error))?;
        Ok(board)
    }

    /// The board stays where it is when the worker ends: clients that live longer have it mapped, and
    /// hear of the next worker by it.
    pub(super) fn keep_board(&mut self) {
        self.board_is_new = false;
    }
}

/// Where the socket is unless addresses are given.
pub(super) fn default_listen() -> Address {
    Address::Unix(base().join(CALLERS_SOCKET))
}

/// Where to look for a worker's control API unless addresses are given: this user's, then the system's,
/// each where it is by default and where `runtime_dir` is the folder that has the sockets.
pub(crate) fn default_controls() -> Vec<PathBuf> {
    let bases = [base(), PathBuf::from(SYSTEM_BASE)];
    let folders = bases.iter().flat_map(|base| {
        let listen = Address::Unix(base.join(CALLERS_SOCKET));
        [default_for(base, &[listen]), base.clone()]
    });
    let mut sockets: Vec<PathBuf> = folders.map(|folder| folder.join(CONTROL_SOCKET)).collect();
    sockets.dedup();
    sockets
}

/// Where to look for a worker unless addresses are given: this user's, then the system's.
pub(crate) fn default_workers() -> Vec<Address> {
    let system = Address::Unix(PathBuf::from(SYSTEM_BASE).join(CALLERS_SOCKET));
    let mut workers = vec![default_listen(), system];
    workers.dedup();
    workers
}

/// Makes an application's own folder for temporary files, empty; `owner` is its user's and group's
/// number, if it has a user of its own.
pub(super) fn make_temp(path: &Path, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    remove_temp(path)?;
    if let Some(parent) = path.parent() {
        make_passage(parent)?;
    }
    DirBuilder::new().mode(0o700).create(path)?;
    owner.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
}

/// Makes a folder of the worker's that members of the application's group may read.
pub(super) fn make_shared(path: &Path, gid: Option<u32>) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_passage(parent)?;
    }
    DirBuilder::new().recursive(true).mode(0o750).create(path)?;
    share(path, gid)
}

/// Gives a file or folder to the application's group.
fn share(path: &Path, gid: Option<u32>) -> std::io::Result<()> {
    gid.map_or(Ok(()), |gid| chown(path, None, Some(gid)))
}

/// Opens a release's folder to the worker and the application's group alone, whatever the modes inside,
/// which let everybody read.
pub(super) fn share_release(root: &Path, gid: Option<u32>) -> std::io::Result<()> {
    share(root, gid)?;
    std::fs::set_permissions(root, Permissions::from_mode(0o550))
}

/// Makes a folder that others may pass through, to what is theirs in it, without seeing what is there.
pub(super) fn make_passage(path: &Path) -> std::io::Result<()> {
    if !path.exists() {
        path.parent().map_or(Ok(()), make_passage)?;
        DirBuilder::new().mode(0o711).create(path)?;
        // Again, because the umask took its part.
        std::fs::set_permissions(path, Permissions::from_mode(0o711))?;
    }
    Ok(())
}

/// Removes it, with whatever is in it.
pub(super) fn remove_temp(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Writes a file of ours whose mode holds from the beginning. A link in its place is not followed: the
/// folder may belong to a user who has less rights than this process.
pub(super) fn write_file(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let failed = |error| Error::start(path.display(), error);
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(mode);
    let options = options.custom_flags(OFlags::NOFOLLOW.bits() as i32);
    let mut file = options.open(path).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// Makes and locks the folder of what outlives the worker. Where nobody chose one and another worker has
/// the usual one, this one's state is in `runtime`; the third is the folder that was taken.
fn take_state(
    daemon: &Daemon,
    runtime: &Path,
    account: Option<Account>,
) -> Result<(PathBuf, Option<OwnedFd>, Option<PathBuf>), Error> {
    let state = state_dir(daemon);
    if state == runtime {
        return Ok((state, None, None));
    }
    // Others look in by name only.
    make(&state, 0o711, STATE_DIR, account)?;
    match lock(&state, STATE_DIR)? {
        Some(held) => Ok((state, Some(held), None)),
        None if daemon.state_dir.is_some() || !daemon.deploy.trusted_keys.is_empty() => {
            Err(taken(&state, STATE_DIR))
        }
        None => Ok((runtime.to_owned(), None, Some(state))),
    }
}

/// Where what must survive a restart is kept, unless `state_dir` says.
fn state_dir(daemon: &Daemon) -> PathBuf {
    if let Some(folder) = daemon.state_dir.as_ref().or(daemon.runtime_dir.as_ref()) {
        return folder.clone();
    }
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/appserver");
    }
    match (std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME")) {
        (Some(folder), _) => PathBuf::from(folder).join("appserver"),
        (None, Some(home)) => PathBuf::from(home).join(".local/state/appserver"),
        (None, None) => base().join("state"),
    }
}

fn base() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from(SYSTEM_BASE);
    }
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(folder) => PathBuf::from(folder).join("appserver"),
        None => {
            let uid = rustix::process::geteuid().as_raw();
            std::env::temp_dir().join(format!("appserver-{uid}"))
        }
    }
}

/// One folder for each set of addresses, so that several workers of a host do not meet.
fn default_for(base: &Path, listen: &[Address]) -> PathBuf {
    let addresses: Vec<String> = listen.iter().map(ToString::to_string).collect();
    let hash = blake3::hash(addresses.join("\n").as_bytes()).to_hex();
    base.join(format!("worker-{}", &hash[..12]))
}
