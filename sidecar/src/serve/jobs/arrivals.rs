//! What has arrived for the keeper, and for how long there is nothing to do where nothing has.

use super::command::Command;
use super::keeper::Keeper;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Most commands of one commit.
const ROUND_MAX: usize = 1024;
/// Longest sleep while something is due by the wall clock, which may be set meanwhile.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

/// What there is to do when nothing has arrived.
enum Rest {
    /// More of what can wait.
    Tidying,
    /// Nothing for so long; `None` = until something arrives.
    Quiet(Option<Duration>),
}

impl Keeper {
    /// What has arrived; waits if there is nothing to do. `None` when nobody is left to say anything.
    pub(super) async fn wait(&mut self) -> Option<Vec<Command>> {
        let mut commands = Vec::new();
        loop {
            match self.take(&mut commands) {
                Err(TryRecvError::Disconnected) if commands.is_empty() => return None,
                _ if !commands.is_empty() => return Some(commands),
                _ => {}
            }
            // As a round: what goes wrong here by a defect ends nothing else.
            let quiet = match catch_unwind(AssertUnwindSafe(|| self.rest())) {
                Ok(Rest::Quiet(quiet)) => quiet,
                Ok(Rest::Tidying) => {
                    yield_now().await;
                    continue;
                }
                Err(panic) => {
                    self.fall_sick_by_defect(&*panic);
                    return Some(commands);
                }
            };
            let arrived = self.way.commands.recv();
            match quiet {
                None => commands.push(arrived.await?),
                Some(quiet) => match timeout(quiet, arrived).await {
                    Ok(command) => commands.push(command?),
                    Err(_) => return Some(commands),
                },
            }
        }
    }

    /// Takes what is there.
    fn take(&mut self, commands: &mut Vec<Command>) -> Result<(), TryRecvError> {
        while commands.len() < ROUND_MAX {
            commands.push(self.way.commands.try_recv()?);
        }
        Ok(())
    }

    fn rest(&mut self) -> Rest {
        if self.housekeep() {
            return Rest::Tidying;
        }
        let shows = self.show_if_due();
        Rest::Quiet(self.quiet().into_iter().chain(shows).min())
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
        let rests = self.housekeeping.rests_in();
        quiet.into_iter().chain(tries).chain(self.sweeps_in()).chain(rests).min()
    }

    /// How long until what is known for a time only is to be swept; `None` = there is none.
    pub(super) fn sweeps_in(&self) -> Option<Duration> {
        self.housekeeping.sweeps_in(self.engine.sweeps_in_ms())
    }

    /// A slice of what can wait; whether there is more of it.
    pub(super) fn housekeep(&mut self) -> bool {
        let was_resting = self.housekeeping.is_resting();
        let more = self.sick.is_none() && self.housekeeping.tidy(self.ledger.as_mut());
        if self.housekeeping.is_resting() != was_resting {
            // Its size is another one.
            self.show.changed();
        }
        more
    }
}
