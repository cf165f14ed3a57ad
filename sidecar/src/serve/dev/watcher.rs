//! The thread that looks after a folder in development: after each change it leaves a snapshot in the
//! store, and says so. What is served is always a snapshot, never the folder.

use super::watch::{Pauses, Watch, Woken, hung_up_within};
use crate::serve::Error;
use crate::serve::event::{Event, Events};
use crate::serve::store::{Incoming, Kept, Store};
use archive::{ContentId, Snapshot};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;

/// Without another change for so long a save is taken for finished: editors write several files.
const PAUSES: Pauses = Pauses {
    ended: Duration::from_millis(10),
    unclear: Duration::from_millis(30),
    // So often a folder is looked at in which something changes all the time.
    longest: Duration::from_millis(500),
};
/// Until what was in the way may have passed.
const AGAIN: Duration = Duration::from_millis(30);
/// How often a folder that changes while it is copied is copied again before that is said.
const TRIES: u32 = 5;

/// A state of the folder that is in the store.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Taken {
    pub(in crate::serve) kept: Kept,
    /// When the change was seen.
    pub(in crate::serve) since: Instant,
}

/// The running thread; it ends with this.
#[derive(Debug)]
pub(super) struct Watcher {
    /// Hung up when the thread is to end.
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts it; the first snapshot is of what is there now.
    pub(super) fn start(folder: PathBuf, store: Store, events: Events) -> Result<Self, Error> {
        let failed = |error| Error::start(format!("watching {}", folder.display()), error);
        let mut watch = Watch::new(&folder).map_err(failed)?;
        watch.renew().map_err(|error| failed(std::io::Error::other(error)))?;
        let (stopped, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| failed(error.into()))?;
        let photographer = Photographer { folder: folder.clone(), store, last: None, number: 0 };
        let run = move || photographer.run(watch, &stopped, &events);
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(run);
        Ok(Self { stop: Some(stop), thread: Some(thread.map_err(failed)?) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It left a message where panics go.
            let _ = thread.join();
        }
    }
}

struct Photographer {
    folder: PathBuf,
    store: Store,
    last: Option<ContentId>,
    number: u64,
}

impl Photographer {
    fn run(mut self, mut watch: Watch, stop: &OwnedFd, events: &Events) {
        let mut since = Instant::now();
        loop {
            let news = self.take(&mut watch, stop, since).transpose();
            if news.is_some_and(|news| !tell(events, Event::FolderChanged(news), stop)) {
                return;
            }
            match watch.wait(stop.as_fd(), &PAUSES) {
                Ok(Woken::Changed(first)) => since = first,
                Ok(Woken::Stopped) => return,
                Err(error) => {
                    return tracing::error!(%error, "changes are not seen any more: restart");
                }
            }
        }
    }

    fn copy(&self) -> Result<(Incoming, Snapshot), archive::Error> {
        let incoming = self.store.begin(self.number + 1);
        let incoming = incoming.map_err(|source| archive::Error::Io {
            doing: "make a folder for a copy of",
            path: self.folder.clone(),
            source,
        })?;
        let snapshot = archive::snapshot(&self.folder, &incoming.root())?;
        Ok((incoming, snapshot))
    }

    fn kept(&self, snapshot: &Snapshot) -> Kept {
        Kept {
            number: self.number + 1,
            content: snapshot.content.to_string(),
            release: snapshot.content.release(),
            signed_at_ms: 0,
            deployer: String::new(),
            note: String::new(),
            files: snapshot.entries,
            bytes: snapshot.bytes,
        }
    }

    /// The next release, unless nothing has changed.
    fn take(
        &mut self,
        watch: &mut Watch,
        stop: &OwnedFd,
        since: Instant,
    ) -> Result<Option<Taken>, String> {
        for tried in 1.. {
            // First: what changes after it has been copied is to be told.
            let copied = watch.renew().and_then(|()| self.copy());
            match copied {
                Ok((_, snapshot)) if self.last == Some(snapshot.content) => return Ok(None),
                Ok((incoming, snapshot)) => {
                    let kept = self.kept(&snapshot);
                    incoming.keep(&kept).map_err(|error| error.to_string())?;
                    (self.last, self.number) = (Some(snapshot.content), kept.number);
                    return Ok(Some(Taken { kept, since }));
                }
                // Files come and go while something is being saved.
                Err(_) if tried < TRIES && !hung_up_within(stop.as_fd(), AGAIN) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(None)
    }
}

/// Whether the supervisor has it: it may be busy, but when it waits for this thread to end, nothing is
/// told any more.
fn tell(events: &Events, mut event: Event, stop: &OwnedFd) -> bool {
    loop {
        match events.try_send(event) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(back)) if !hung_up_within(stop.as_fd(), AGAIN) => event = back,
            Err(TrySendError::Full(_)) => return false,
        }
    }
}
