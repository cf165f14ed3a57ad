//! Jobs: a thread keeps them, takes requests in and has attempts run.
//!
//! The thread has a runtime of its own, so that nothing between a request, the disk and the answer waits
//! for another thread to wake. On it is the task that owns the ledger and the engine ([`keeper`]): whatever
//! arrived while the disk was busy with the last commit is in the next one; there is no timer. Requests come
//! over connections of their own ([`connection`]) and never pass the supervisor's loop. Attempts are ordinary
//! calls over adopted connections ([`runner`]), because there is one way into a pool.

mod answers;
mod arrivals;
mod awaiting;
mod closing;
mod command;
mod connection;
mod defect;
mod events;
mod held;
mod housekeeping;
mod hung;
mod keeper;
mod links;
mod listing;
mod local_stream;
mod manage;
mod oldest;
mod on_disk;
mod pools;
mod questions;
mod requests;
mod round;
mod runner;
mod shortage;
mod sickness;
mod status;
mod unanswered;
mod unbegun;
mod verdict;

pub(super) use command::{Command, Order};
pub(super) use connection::{serve, serve_here};
pub(super) use runner::{Foreman, PEER};

use super::error::Error;
use crate::config;
use events::Feed;
use keeper::{Keeper, Way};
use ledger::{Ledger, Local, Reader};
use protocol::JobsStatus;
use status::Shown;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unanswered::{Asked, Unanswered};

/// File of the ledger in the worker's state folder.
const FILE: &str = "jobs.db";

/// Why jobs are refused where there are none.
const OFF: &str = "jobs are switched off on this worker: set jobs.enabled = true in its appserver.toml, or \
                   queue at another one";

/// The way to the thread that keeps jobs. Commands are as many as there are connections and running
/// attempts at most, because each waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Jobs {
    /// Nothing where jobs are off.
    kept: Option<Kept>,
}

#[derive(Clone)]
struct Kept {
    commands: UnboundedSender<Command>,
    runtime: Handle,
    tag: u16,
    /// For lists, one at a time.
    reader: Arc<Mutex<Box<dyn Reader>>>,
    shown: Shown,
    feed: Feed,
    unanswered: Unanswered,
    /// For connections.
    places: Places,
}

/// How many connections there may be.
#[derive(Clone)]
struct Places {
    free: Arc<Semaphore>,
    most: u32,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl Jobs {
    /// Opens the ledger, takes up what it has, and starts the thread. The receiver gets what is to run.
    /// Where jobs are off nothing of it is made.
    pub(super) fn open(
        state_dir: &Path,
        config: &config::daemon::Jobs,
        connections_max: u32,
    ) -> Result<(Self, UnboundedReceiver<Order>), Error> {
        let (orders, to_do) = unbounded_channel();
        if !config.enabled {
            return Ok((Self { kept: None }, to_do));
        }
        let path = state_dir.join(FILE);
        let failed = |error: &dyn std::fmt::Display| {
            Error::start(
                "the ledger of jobs",
                std::io::Error::other(format!("{}: {error}", path.display())),
            )
        };
        let ledger = Local::open(&path).map_err(|error| failed(&error))?;
        let tag = ledger.tag();
        let (commands, received) = unbounded_channel();
        let reader = ledger.reader().map_err(|error| failed(&error))?;
        let (shown, feed) = (Shown::default(), Feed::default());
        let way = Way { commands: received, orders, shown: shown.clone(), feed: feed.clone() };
        let keeper = Keeper::new(Box::new(ledger), config.settings(), way);
        let keeper = keeper.map_err(|error| failed(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || {
                let kept = runtime.spawn(keeper.run());
                // It ends by a defect only where nothing of it is left to go on.
                let _ = runtime.block_on(kept);
                // Connections tell what the last commit took; they end with the process.
                runtime.block_on(std::future::pending::<()>());
            })
            .map_err(|error| failed(&error))?;
        let reader = Arc::new(Mutex::new(reader));
        let free = Arc::new(Semaphore::new(connections_max as usize));
        let places = Places { free, most: connections_max };
        let unanswered = Unanswered::default();
        let kept = Kept { commands, runtime: handle, tag, reader, shown, feed, unanswered, places };
        Ok((Self { kept: Some(kept) }, to_do))
    }

    /// Runs a task on the thread that keeps jobs; on the caller's where there are none.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.kept {
            Some(kept) => drop(kept.runtime.spawn(task)),
            None => drop(tokio::spawn(task)),
        }
    }

    /// In the ids of jobs that are kept here; else why there are none.
    pub(super) fn tag(&self) -> Result<u16, &'static str> {
        self.kept.as_ref().map(|kept| kept.tag).ok_or(OFF)
    }

    /// A place for a connection; else how many there are.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, u32> {
        let places = self.kept.as_ref().map(|kept| kept.places.clone()).ok_or(0u32)?;
        places.free.try_acquire_owned().map_err(|_| places.most)
    }

    /// When no connection is left.
    pub(super) async fn all_left(&self) {
        if let Some(Kept { places, .. }) = &self.kept {
            // Nobody closes it.
            let _ = places.free.acquire_many(places.most).await;
        }
    }

    /// How they stand, as it was shown last.
    pub(super) fn status(&self) -> JobsStatus {
        match &self.kept {
            Some(kept) => kept.shown.get(),
            None => JobsStatus { refused: Some(OFF.to_owned()), ..JobsStatus::default() },
        }
    }

    /// Somebody waits for an answer of the thread that keeps jobs, until what is returned is dropped.
    fn asked(&self) -> Option<Asked> {
        self.kept.as_ref().map(|kept| kept.unanswered.enter())
    }

    /// `false` when the ledger is closed: then nothing comes of it.
    pub(super) fn send(&self, command: Command) -> bool {
        match &self.kept {
            Some(kept) => kept.commands.send(command).is_ok(),
            None => {
                command.refuse(OFF);
                true
            }
        }
    }
}
