//! What changes in a folder and all folders in it, told by the kernel.

use archive::Ignored;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Room for some hundred events at a time, in bytes.
const EVENTS_BYTES: usize = 16 * 1024;
/// A file counts as changed when its writer closes it: before that it is half written.
const CHANGES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// The folders that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    root: PathBuf,
    inotify: OwnedFd,
    /// By the kernel's number, below the root.
    folders: HashMap<i32, PathBuf>,
    ignored: Ignored,
}

/// Why [`Watch::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// Something changed, the first of it then.
    Changed(Instant),
    /// The other descriptor was hung up.
    Stopped,
}

impl Watch {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let ignored = Ignored::load(root).map_err(io::Error::other)?;
        Ok(Self { root: root.to_owned(), inotify, folders: HashMap::new(), ignored })
    }

    /// Watches what is there now. Whatever is made in a folder after this has looked at it is told.
    pub(super) fn renew(&mut self) -> Result<(), archive::Error> {
        self.ignored = Ignored::load(&self.root)?;
        let mut folders = HashMap::new();
        let (root, inotify) = (&self.root, &self.inotify);
        let watched = archive::each_folder(root, &mut |folder| {
            match add_watch(inotify, root.join(folder), CHANGES) {
                Ok(number) => drop(folders.insert(number, folder.to_owned())),
                // Gone again, which is told as well.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(explained(error)),
            }
            Ok(())
        });
        self.folders.extend(folders);
        watched
    }

    /// Waits for a change, and until there was none for `quiet`, but not for longer than `longest`.
    pub(super) fn wait(
        &mut self,
        stop: BorrowedFd<'_>,
        quiet: Duration,
        longest: Duration,
    ) -> io::Result<Woken> {
        let mut first = None;
        loop {
            let pause =
                first.map(|first: Instant| quiet.min(longest.saturating_sub(first.elapsed())));
            match (self.wait_for_events(stop, pause)?, first) {
                (Seen::Stop, _) => return Ok(Woken::Stopped),
                (Seen::Nothing, Some(first)) => return Ok(Woken::Changed(first)),
                (Seen::Nothing, None) => {}
                (Seen::Events, _) => {
                    if self.drain()? {
                        first.get_or_insert_with(Instant::now);
                    }
                }
            }
        }
    }

    fn wait_for_events(&self, stop: BorrowedFd<'_>, pause: Option<Duration>) -> io::Result<Seen> {
        let mut descriptors = [
            PollFd::from_borrowed_fd(self.inotify.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stop, PollFlags::IN),
        ];
        let pause = pause.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(&mut descriptors, pause.as_ref()) {
            Err(Errno::INTR) => return Ok(Seen::Events),
            polled => polled?,
        };
        let [events, stop] = descriptors.map(|descriptor| !descriptor.revents().is_empty());
        Ok(match (stop, events) {
            (true, _) => Seen::Stop,
            (false, true) => Seen::Events,
            (false, false) => Seen::Nothing,
        })
    }

    /// Takes the events that there are; whether any of them matters.
    fn drain(&self) -> io::Result<bool> {
        let mut room = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut events = Reader::new(&self.inotify, &mut room);
        let mut matters = false;
        loop {
            match events.next() {
                Err(Errno::AGAIN) => return Ok(matters),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    matters |= self.matters(event.wd(), event.events(), name);
                }
            }
        }
    }

    fn matters(&self, folder: i32, what: ReadFlags, name: Option<&OsStr>) -> bool {
        if what.contains(ReadFlags::IGNORED) {
            return false;
        }
        match (self.folders.get(&folder), name) {
            (Some(folder), Some(name)) => {
                let is_folder = what.contains(ReadFlags::ISDIR);
                !self.ignored.contains(&folder.join(name), is_folder)
            }
            // The folder itself, or more than the kernel could remember.
            _ => true,
        }
    }
}

/// Whether the other end of a pipe is closed by then.
pub(super) fn hung_up_within(stop: BorrowedFd<'_>, pause: Duration) -> bool {
    let mut stop = [PollFd::from_borrowed_fd(stop, PollFlags::IN)];
    let pause = Timespec::try_from(pause).ok();
    poll(&mut stop, pause.as_ref()).is_ok_and(|ready| ready > 0)
}

enum Seen {
    Events,
    Nothing,
    Stop,
}

fn explained(error: Errno) -> io::Error {
    let error = io::Error::from(error);
    match error.raw_os_error() {
        Some(libc::ENOSPC) => io::Error::new(
            error.kind(),
            "the kernel watches no more folders for this user; raise fs.inotify.max_user_watches \
             (sysctl), or list folders that need no watching in .appserverignore",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LONG: Duration = Duration::from_secs(30);

    /// Whether `change` wakes a watch of a folder that has `kept/` and ignores `*.log` and `cache/`.
    fn wakes(change: impl FnOnce(&Path)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(archive::IGNORE_FILE), "*.log\ncache/\n").unwrap();
        fs::create_dir(folder.path().join("cache")).unwrap();
        fs::create_dir(folder.path().join("kept")).unwrap();
        fs::write(folder.path().join("kept/a.php"), "one").unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        watch.renew().unwrap();
        change(folder.path());
        // Events are there when the call that makes them returns: nothing is waited for.
        let (stop, hung_up) = rustix::pipe::pipe().unwrap();
        drop(hung_up);
        let seen = watch.drain().unwrap();
        assert_eq!(watch.wait(stop.as_fd(), LONG, LONG).unwrap(), Woken::Stopped);
        seen
    }

    #[test]
    fn what_becomes_of_files_is_seen() {
        assert!(wakes(|root| fs::write(root.join("kept/a.php"), "two").unwrap()));
        assert!(wakes(|root| fs::write(root.join("new.php"), "").unwrap()));
        assert!(wakes(|root| fs::remove_file(root.join("kept/a.php")).unwrap()));
        assert!(wakes(|root| fs::rename(root.join("kept/a.php"), root.join("b.php")).unwrap()));
        assert!(wakes(|root| fs::create_dir(root.join("kept/more")).unwrap()));
    }

    #[test]
    fn what_is_ignored_or_only_read_is_not() {
        assert!(!wakes(|root| fs::write(root.join("kept/debug.log"), "").unwrap()));
        assert!(!wakes(|root| fs::write(root.join("cache/a.php"), "").unwrap()));
        assert!(!wakes(|root| drop(fs::read(root.join("kept/a.php")).unwrap())));
    }

    #[test]
    fn a_folder_made_later_is_watched_after_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        watch.renew().unwrap();
        fs::create_dir(folder.path().join("late")).unwrap();
        let (stop, _open) = rustix::pipe::pipe().unwrap();
        let woken = watch.wait(stop.as_fd(), Duration::ZERO, LONG).unwrap();
        assert!(matches!(woken, Woken::Changed(_)));
        watch.renew().unwrap();
        assert!(!watch.drain().unwrap());
        fs::write(folder.path().join("late/a.php"), "").unwrap();
        assert!(watch.drain().unwrap());
    }
}
