//! What a worker keeps of its applications across restarts: their releases, and which one is current.
//!
//! ```text
//! <state_dir>/apps/<app>/state                   which release is current, and the settings
//! <state_dir>/apps/<app>/releases/<n>/root/      the unpacked files
//! <state_dir>/apps/<app>/releases/<n>/archive    as it came, signed
//! <state_dir>/apps/<app>/releases/<n>/release.json
//! <state_dir>/apps/<app>/staging-<n>/            a release on its way; removed at the next start
//! ```
//!
//! The state is written over in place (see [`super::slots`]). Any other file is replaced by writing
//! another one beside it, fsync, rename, and fsync of the folder. After a loss of power either is the old
//! one or the new one, whole.

use super::fault;
use super::slots::Slots;
use archive::Accepted;
use protocol::{AppName, ReleaseId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Largest file of state that is read, in bytes.
const STATE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What holds for an application, on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AppState {
    /// Number of the release that new calls run in; 0 = the folder that the worker was told to serve.
    pub(super) current: u64,
    pub(super) previous: Option<u64>,
    /// When that was decided, in milliseconds since 1970: workers that differ go by the later decision.
    pub(super) decided_at_ms: u64,
    pub(super) canary: Option<Share>,
    /// Highest number ever accepted, and the content it had.
    pub(super) highest: u64,
    pub(super) highest_content: Option<String>,
    /// A release that a deploy is about to activate on all workers.
    pub(super) prepared: Option<u64>,
    /// The application was removed when no higher number had been accepted; no release of before counts.
    pub(super) removed_up_to: Option<u64>,
    pub(super) settings_generation: u64,
    /// What was set beyond, or instead of, what the releases say.
    pub(super) settings: BTreeMap<String, Value>,
}

impl AppState {
    /// The release with the highest number that was ever accepted.
    pub(super) fn accepted(&self) -> Option<Accepted> {
        let content = self.highest_content.as_deref().and_then(|text| text.parse().ok())?;
        Some(Accepted { number: self.highest, content })
    }
}

/// A canary's share of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) release: u64,
    pub(super) basis_points: u16,
}

/// A release that is kept, on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) number: u64,
    /// Of its content, hexadecimal.
    pub(super) content: String,
    pub(super) release: ReleaseId,
    pub(super) signed_at_ms: u64,
    pub(super) deployer: String,
    pub(super) note: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// The folder of an application's releases.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Whether what is in it is for later processes, too.
    is_kept: bool,
}

impl Store {
    /// The applications that have something in `state_dir`, with what can be read of them; what was
    /// half done is removed.
    pub(super) fn applications(state_dir: &Path) -> io::Result<Vec<AppName>> {
        let entries = match fs::read_dir(state_dir.join("apps")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if let Some(Ok(name)) = name.to_str().map(AppName::new) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    pub(super) fn new(state_dir: &Path, app: &AppName) -> Self {
        Self { folder: state_dir.join("apps").join(app.as_str()), is_kept: true }
    }

    /// One that goes with this process: only files of releases are on disk, and nothing waits for it.
    pub(super) fn passing(folder: &Path, app: &AppName) -> Self {
        Self { is_kept: false, ..Self::new(folder, app) }
    }

    /// What is on disk; nothing yet is an application without releases.
    pub(super) fn load(&self) -> io::Result<(AppState, BTreeMap<u64, Kept>)> {
        let state = self.load_state()?;
        let mut kept = BTreeMap::new();
        if let Some(number) = state.removed_up_to {
            self.forget_up_to(number)?;
        }
        for entry in list(&self.folder)? {
            if entry.file_name().to_string_lossy().starts_with("staging-") {
                remove(&entry.path())?;
            }
        }
        for entry in list(&self.folder.join("releases"))? {
            let record: Option<Kept> = read_json(&entry.path().join("release.json"))?;
            match record {
                Some(record) => drop(kept.insert(record.number, record)),
                // Its removal was cut short.
                None => remove(&entry.path())?,
            }
        }
        Ok((state, kept))
    }

    fn load_state(&self) -> io::Result<AppState> {
        let path = self.state_file();
        let Some(slots) = Slots::open(&path)? else {
            return Ok(AppState::default());
        };
        slots.settle()?;
        serde_json::from_slice(slots.content()).map_err(|error| invalid(&path, &error))
    }

    /// What holds from now on is on disk when this returns.
    pub(super) fn save(&self, state: &AppState) -> io::Result<()> {
        if !self.is_kept {
            return Ok(());
        }
        make_folder(&self.folder)?;
        fault::point("state.save");
        Slots::save(&self.state_file(), &serde_json::to_vec(state)?)
    }

    fn state_file(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Where the files of a release are.
    pub(super) fn root(&self, number: u64) -> PathBuf {
        self.release(number).join("root")
    }

    /// Its archive, as it came.
    pub(super) fn archive(&self, number: u64) -> PathBuf {
        self.release(number).join("archive")
    }

    fn release(&self, number: u64) -> PathBuf {
        self.folder.join("releases").join(number.to_string())
    }

    /// An empty folder for a release on its way.
    pub(super) fn begin(&self, number: u64) -> io::Result<Incoming> {
        make_folder(&self.folder.join("releases"))?;
        let folder = self.folder.join(format!("staging-{number}"));
        remove(&folder)?;
        make_folder(&folder)?;
        Ok(Incoming { folder, target: self.release(number), is_kept: self.is_kept })
    }

    /// Removes the releases up to a number.
    pub(super) fn forget_up_to(&self, number: u64) -> io::Result<()> {
        for entry in list(&self.folder.join("releases"))? {
            let found = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(old) = found.filter(|found| *found <= number) {
                self.forget(old)?;
            }
        }
        Ok(())
    }

    /// Removes a release; the bytes that it took.
    pub(super) fn forget(&self, number: u64) -> io::Result<u64> {
        let folder = self.release(number);
        let bytes = size_of(&folder)?;
        // Without it the rest is removed at the next start, if this does not get to it.
        match fs::remove_file(folder.join("release.json")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        remove(&folder)?;
        Ok(bytes)
    }
}

/// A release on its way into the store. Dropped before [`Self::keep`], it is gone.
#[derive(Debug)]
pub(super) struct Incoming {
    folder: PathBuf,
    target: PathBuf,
    is_kept: bool,
}

impl Incoming {
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.folder.join("archive")
    }

    /// The release is in the store, on disk, when this returns.
    pub(super) fn keep(self, record: &Kept) -> io::Result<()> {
        if self.is_kept {
            write_json(&self.folder.join("release.json"), record)?;
        }
        fault::point("stage.keep");
        remove(&self.target)?;
        fs::rename(&self.folder, &self.target)?;
        if self.is_kept {
            sync_folder(self.target.parent().unwrap_or(Path::new("/")))?;
        }
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // What stays is removed at the next start.
        let _ = remove(&self.folder);
    }
}

/// Removes a folder, also one whose folders are read-only; one that is not there is none.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match archive::remove_release(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn size_of(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size_of(&entry?.path())).sum()
}

fn list(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    // Others look in by name: the files of a release are for its application's user.
    super::directories::make_passage(folder)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let bytes = io::read_to_string(io::Read::take(file, STATE_BYTES_MAX))?;
    let parsed = serde_json::from_str(&bytes);
    parsed.map(Some).map_err(|error| invalid(path, &error))
}

fn invalid(path: &Path, error: &serde_json::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display()))
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, &serde_json::to_vec_pretty(value)?)
}

/// Makes a file anew; it is the old one or this one at any time.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fault::point("file.rename");
    fs::rename(&beside, path)?;
    fault::point("file.renamed");
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), &AppName::new("shop").unwrap());
        (folder, store)
    }

    fn kept(number: u64) -> Kept {
        Kept {
            number,
            content: "00".to_owned(),
            release: ReleaseId(number),
            signed_at_ms: 1,
            deployer: "ada@host".to_owned(),
            note: String::new(),
            files: 1,
            bytes: 2,
        }
    }

    #[test]
    fn what_was_saved_is_there_again() {
        let (folder, store) = store();
        assert_eq!(store.load().unwrap(), (AppState::default(), BTreeMap::new()));
        let state = AppState { current: 3, highest: 4, ..AppState::default() };
        store.save(&state).unwrap();
        let incoming = store.begin(3).unwrap();
        fs::create_dir(incoming.root()).unwrap();
        incoming.keep(&kept(3)).unwrap();
        assert_eq!(store.load().unwrap(), (state, BTreeMap::from([(3, kept(3))])));
        assert!(store.root(3).is_dir());
        let apps = Store::applications(folder.path()).unwrap();
        assert_eq!(apps, [AppName::new("shop").unwrap()]);
    }

    #[test]
    fn of_what_goes_with_the_process_no_later_one_finds_anything() {
        let folder = tempfile::tempdir().unwrap();
        let app = AppName::new("shop").unwrap();
        let store = Store::passing(folder.path(), &app);
        store.save(&AppState { current: 1, highest: 1, ..AppState::default() }).unwrap();
        let incoming = store.begin(1).unwrap();
        fs::create_dir(incoming.root()).unwrap();
        incoming.keep(&kept(1)).unwrap();
        assert!(store.root(1).is_dir());
        let later = Store::new(folder.path(), &app);
        assert_eq!(later.load().unwrap(), (AppState::default(), BTreeMap::new()));
        assert!(!store.root(1).exists());
    }

    #[test]
    fn of_a_removed_application_only_what_came_later_is_there() {
        let (_folder, store) = store();
        for number in [1, 2] {
            let incoming = store.begin(number).unwrap();
            fs::create_dir(incoming.root()).unwrap();
            incoming.keep(&kept(number)).unwrap();
        }
        let state = AppState { removed_up_to: Some(1), highest: 2, ..AppState::default() };
        store.save(&state).unwrap();
        assert_eq!(store.load().unwrap(), (state, BTreeMap::from([(2, kept(2))])));
        assert!(!store.root(1).exists());
    }

    #[test]
    fn what_was_half_done_is_removed() {
        let (folder, store) = store();
        let incoming = store.begin(1).unwrap();
        let left = folder.path().join("apps/shop/staging-1");
        std::mem::forget(incoming);
        fs::create_dir_all(folder.path().join("apps/shop/releases/2/root")).unwrap();
        assert_eq!(store.load().unwrap().1, BTreeMap::new());
        assert!(!left.exists() && !folder.path().join("apps/shop/releases/2").exists());
    }

    #[test]
    fn a_release_that_is_dropped_on_its_way_leaves_nothing() {
        let (folder, store) = store();
        drop(store.begin(1).unwrap());
        assert!(!folder.path().join("apps/shop/staging-1").exists());
    }

    #[test]
    fn a_forgotten_release_says_what_it_took() {
        let (_folder, store) = store();
        let incoming = store.begin(1).unwrap();
        fs::create_dir(incoming.root()).unwrap();
        fs::write(incoming.root().join("a.php"), [0; 1000]).unwrap();
        incoming.keep(&kept(1)).unwrap();
        assert!(store.forget(1).unwrap() >= 1000);
        assert_eq!(store.load().unwrap().1, BTreeMap::new());
    }
}
