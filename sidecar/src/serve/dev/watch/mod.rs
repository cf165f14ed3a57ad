//! What changes in a folder and all folders in it, told by the kernel.

#[cfg(test)]
mod tests;
mod writers;

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
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use writers::Writers;

/// Room for some hundred events at a time, in bytes.
const EVENTS_BYTES: usize = 16 * 1024;
/// A file counts as changed when its writer closes it: before that it is half written. That something
/// was written to it is told only so that it is not copied then because of another one.
const CHANGES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// With what a folder may come.
const COMES: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);

/// The folders that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    root: PathBuf,
    inotify: OwnedFd,
    /// By the kernel's number, below the root.
    folders: HashMap<i32, PathBuf>,
    ignored: Ignored,
    writers: Writers,
}

/// How long to wait for more after a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    /// After one that ends something: a file was closed, renamed or removed.
    pub(super) ended: Duration,
    /// After a folder came, in which more may have changed than is told.
    pub(super) unclear: Duration,
    /// After the first change, whatever goes on.
    pub(super) longest: Duration,
}

/// Changes that were seen, and none of them told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    first: Instant,
    last: Instant,
    is_unclear: bool,
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
        let (root, folders) = (root.to_owned(), HashMap::new());
        Ok(Self { root, inotify, folders, ignored, writers: Writers::default() })
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

    /// Waits for a change, and until it seems to be all of it.
    pub(super) fn wait(&mut self, stop: BorrowedFd<'_>, pauses: &Pauses) -> io::Result<Woken> {
        let mut seen: Option<Seen> = None;
        loop {
            let until = seen.map(|seen| self.until(seen, pauses));
            let pause = until.map(|until| until.saturating_duration_since(Instant::now()));
            let is_over = seen.is_some_and(|seen| seen.first.elapsed() >= pauses.longest);
            match (self.wait_for_events(stop, pause)?, seen) {
                (Polled::Stop, _) => return Ok(Woken::Stopped),
                (Polled::Events, _) if !is_over => seen = self.drain(seen)?,
                (_, Some(seen)) => {
                    // Whoever still writes has had the time for it.
                    self.writers.last();
                    return Ok(Woken::Changed(seen.first));
                }
                (_, None) => {}
            }
        }
    }

    /// When what was seen is to be told, if nothing else is.
    fn until(&self, seen: Seen, pauses: &Pauses) -> Instant {
        let longest = seen.first + pauses.longest;
        match (self.writers.are_at_work(), seen.is_unclear) {
            (true, _) => longest,
            (false, true) => longest.min(seen.last + pauses.unclear),
            (false, false) => longest.min(seen.last + pauses.ended),
        }
    }

    fn wait_for_events(&self, stop: BorrowedFd<'_>, pause: Option<Duration>) -> io::Result<Polled> {
        let mut descriptors = [
            PollFd::from_borrowed_fd(self.inotify.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stop, PollFlags::IN),
        ];
        let pause = pause.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(&mut descriptors, pause.as_ref()) {
            Err(Errno::INTR) => return Ok(Polled::Events),
            polled => polled?,
        };
        let [events, stop] = descriptors.map(|descriptor| !descriptor.revents().is_empty());
        Ok(match (stop, events) {
            (true, _) => Polled::Stop,
            (false, true) => Polled::Events,
            (false, false) => Polled::Nothing,
        })
    }

    /// Takes the events that there are, and adds those that matter to what was seen.
    fn drain(&mut self, mut seen: Option<Seen>) -> io::Result<Option<Seen>> {
        let Self { root, inotify, folders, ignored, writers } = self;
        let mut room = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut events = Reader::new(inotify, &mut room);
        loop {
            let event = match events.next() {
                Err(Errno::AGAIN) => return Ok(seen),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(event) => event,
            };
            let what = event.events();
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            let is_folder = what.contains(ReadFlags::ISDIR);
            let matters = match (folders.get(&event.wd()), name) {
                _ if what.contains(ReadFlags::IGNORED) => false,
                (Some(folder), Some(name)) => {
                    let path = folder.join(name);
                    let is_ours = !ignored.contains(&path, is_folder);
                    is_ours && (is_folder || note(writers, root, &path, what))
                }
                // More than the kernel could remember.
                _ if what.contains(ReadFlags::QUEUE_OVERFLOW) => {
                    writers.forget();
                    true
                }
                // The folder itself.
                _ => true,
            };
            if matters {
                let now = Instant::now();
                let seen = seen.get_or_insert(Seen { first: now, last: now, is_unclear: false });
                seen.last = now;
                seen.is_unclear |= is_folder && what.intersects(COMES);
            }
            if events.is_buffer_empty() {
                // There may be more by now. How long this goes on is not for whoever writes to say.
                return Ok(seen);
            }
        }
    }
}

/// Whether the other end of a pipe is closed by then.
pub(super) fn hung_up_within(stop: BorrowedFd<'_>, pause: Duration) -> bool {
    let mut stop = [PollFd::from_borrowed_fd(stop, PollFlags::IN)];
    let pause = Timespec::try_from(pause).ok();
    poll(&mut stop, pause.as_ref()).is_ok_and(|ready| ready > 0)
}

/// What becomes of a file; whether that is a change.
fn note(writers: &mut Writers, root: &Path, file: &Path, what: ReadFlags) -> bool {
    if what.contains(ReadFlags::MODIFY) {
        writers.writes(file);
        return false;
    }
    if what.contains(ReadFlags::CREATE) && is_to_be_written(&root.join(file)) {
        writers.begins(file);
    } else if !what.contains(ReadFlags::ATTRIB) {
        writers.ends(file);
    }
    true
}

/// Not a link, of which there is no more to come than its name.
fn is_to_be_written(made: &Path) -> bool {
    let is_new = |made: std::fs::Metadata| made.is_file() && made.nlink() == 1;
    std::fs::symlink_metadata(made).is_ok_and(is_new)
}

enum Polled {
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
