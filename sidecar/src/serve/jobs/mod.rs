//! Jobs: a thread keeps them, tasks take requests in and run attempts.
//!
//! The thread ([`keeper`]) owns the ledger and the engine. Whatever arrived while the disk was busy with the
//! last commit is in the next one; there is no timer. Requests come over connections of their own
//! ([`connection`]) and never pass the supervisor's loop. Attempts are ordinary calls over adopted
//! connections ([`runner`]), because there is one way into a pool.

mod command;
mod connection;
mod keeper;
mod pools;
mod runner;
mod verdict;

pub(super) use command::{Command, Order};
pub(super) use connection::serve;
pub(super) use runner::Foreman;

use super::error::Error;
use keeper::Keeper;
use ledger::{Ledger, Sqlite};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

/// File of the ledger in the worker's state folder.
const FILE: &str = "jobs.db";

/// The way to the thread that keeps jobs. Commands are as many as there are connections and running
/// attempts at most, because each waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Jobs {
    commands: mpsc::Sender<Command>,
    tag: u16,
}

impl Jobs {
    /// Opens the ledger, takes up what it has, and starts the thread. The receiver gets what is to run.
    pub(super) fn open(
        state_dir: &Path,
        settings: jobs::Settings,
    ) -> Result<(Self, UnboundedReceiver<Order>), Error> {
        let path = state_dir.join(FILE);
        let failed = |error: &dyn std::fmt::Display| {
            Error::start(
                "the ledger of jobs",
                std::io::Error::other(format!("{}: {error}", path.display())),
            )
        };
        let ledger = Sqlite::open(&path).map_err(|error| failed(&error))?;
        let tag = ledger.tag();
        let (commands, received) = mpsc::channel();
        let (orders, to_do) = unbounded_channel();
        let keeper = Keeper::new(Box::new(ledger), settings, received, orders);
        let keeper = keeper.map_err(|error| failed(&error))?;
        thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || keeper.run())
            .map_err(|error| failed(&error))?;
        Ok((Self { commands, tag }, to_do))
    }

    /// In the ids of jobs that are kept here.
    pub(super) fn tag(&self) -> u16 {
        self.tag
    }

    pub(super) fn send(&self, command: Command) {
        // The thread ends after everybody else.
        let _ = self.commands.send(command);
    }

    /// Puts what was interrupted back, and closes the ledger.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.send(Command::Close { done });
        let _ = closed.await;
    }
}
