//! What has arrived for the keeper, and how long it sleeps where nothing has.

use super::command::Command;
use super::keeper::Keeper;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// Most commands of one commit.
const ROUND_MAX: usize = 1024;
/// Longest sleep while something is due by the wall clock, which may be set meanwhile.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

impl Keeper {
    /// What has arrived; waits if there is nothing to do. `None` when nobody is left to say anything.
    pub(super) fn wait(&mut self) -> Option<Vec<Command>> {
        let mut commands = Vec::new();
        loop {
            match self.way.commands.try_recv() {
                Ok(command) => commands.push(command),
                Err(TryRecvError::Empty) if commands.is_empty() && self.housekeep() => {}
                Err(TryRecvError::Empty) if commands.is_empty() => break,
                Err(TryRecvError::Disconnected) if commands.is_empty() => return None,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Some(commands),
            }
            if commands.len() >= ROUND_MAX {
                return Some(commands);
            }
        }
        let shows = self.show_if_due();
        match self.quiet().into_iter().chain(shows).min() {
            None => commands.push(self.way.commands.recv().ok()?),
            Some(quiet) => match self.way.commands.recv_timeout(quiet) {
                Ok(command) => commands.push(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        }
        while commands.len() < ROUND_MAX
            && let Ok(command) = self.way.commands.try_recv()
        {
            commands.push(command);
        }
        Some(commands)
    }

    /// How long there is nothing to do by itself; `None` = for ever.
    fn quiet(&mut self) -> Option<Duration> {
        if let Some(sick) = &self.sick {
            return Some(sick.again.saturating_duration_since(Instant::now()));
        }
        self.engine.set_now(self.now());
        let quiet = self.engine.quiet_ms();
        let quiet = quiet.map(|ms| Duration::from_millis(ms).min(LOOK_AT_CLOCK));
        let tries = self.shortage.as_ref().map(|shortage| shortage.again);
        let tries = tries.map(|again| again.saturating_duration_since(Instant::now()));
        quiet.into_iter().chain(tries).min()
    }

    /// A slice of what can wait; whether there is more of it.
    pub(super) fn housekeep(&mut self) -> bool {
        self.sick.is_none() && self.housekeeping.tidy(self.ledger.as_mut())
    }
}
